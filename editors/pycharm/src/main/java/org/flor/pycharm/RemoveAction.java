package org.flor.pycharm;

import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.Change;
import org.flor.pycharm.core.Messages.Name;
import org.flor.pycharm.core.Messages.Named;
import org.flor.pycharm.core.Messages.Names;
import org.flor.pycharm.core.Uris;

/** Takes a name out. */
public final class RemoveAction extends NameChange {
    public RemoveAction() {
        super("Remove Which Name?");
    }

    @Override
    CompletableFuture<?> change(Flor flor, Names all, Name own) {
        Change asked = new Change(all.shadow, own.name, null);
        return flor.edit("flor.removeName", asked, Named.class, all.shadow, done -> Uris.path(all.shadow));
    }
}
