package org.flor.pycharm;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.Change;
import org.flor.pycharm.core.Messages.Name;
import org.flor.pycharm.core.Messages.Named;
import org.flor.pycharm.core.Messages.Names;
import org.flor.pycharm.core.Naming;
import org.flor.pycharm.core.Uris;

/** Gives a name another one. */
public final class RenameAction extends NameChange {
    public RenameAction() {
        super("Rename Which Name?");
    }

    @Override
    CompletableFuture<?> change(Flor flor, Names all, Name own) {
        List<String> others = all.taken().stream().filter(name -> !name.equals(own.name)).toList();
        String title = "Rename \"" + own.name + "\"";
        String chosen = Dialogs.line(flor.project(), title, "", own.name, name -> Naming.problem(name, others));
        if (chosen == null || chosen.equals(own.name)) {
            return CompletableFuture.completedFuture(null);
        }
        Change asked = new Change(all.shadow, own.name, chosen);
        return flor.edit("flor.renameName", asked, Named.class, all.shadow, done -> Uris.path(all.shadow));
    }
}
