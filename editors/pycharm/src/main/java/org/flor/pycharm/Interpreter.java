package org.flor.pycharm;

import com.intellij.ide.trustedProjects.TrustedProjects;
import com.intellij.openapi.application.ApplicationManager;
import com.intellij.openapi.module.ModuleManager;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.roots.ModuleRootManager;
import com.intellij.openapi.roots.ProjectRootManager;
import com.intellij.openapi.util.Computable;
import java.util.Arrays;
import java.util.Objects;
import org.flor.pycharm.core.Choice;
import org.flor.pycharm.core.Interpreters;
import org.flor.pycharm.core.Probe;
import org.flor.pycharm.core.Sdk;

/** The project's interpreter: the one that has Flor, and runs scripts. */
final class Interpreter {
    private static final String STOPPED = "Flor's server is not running.";
    private static final long MOMENT = 5_000; // milliseconds
    private static final String UNTRUSTED = "This project is not trusted: nothing in it is run.";

    private final Project project;
    private final Installer installer;
    private volatile String last = "";
    private volatile String absence = STOPPED;
    private volatile String told = ""; // the absence that the user was told of last
    private volatile long toldAt;
    private volatile Choice chosen; // null: the server was not to be started yet

    Interpreter(Project project, Flor flor) {
        this.project = project;
        installer = new Installer(project, flor);
    }

    /** The one that the server was last started with; empty: none. */
    String last() {
        return last;
    }

    /** Why there is no server. */
    String absence() {
        return absence;
    }

    /** The interpreter that has the server. Throws IllegalStateException with a sentence, which the user is told too. */
    String found() {
        last = "";
        chosen = choose();
        if (!TrustedProjects.isProjectTrusted(project)) {
            throw absent(UNTRUSTED, () -> Notifications.warning(project, UNTRUSTED));
        }
        if (chosen instanceof Choice.Refused refused) {
            throw absent(refused.reason(), () -> Notifications.withSettings(project, refused.reason()));
        }
        String python = ((Choice.Found) chosen).path();
        Probe probe = Probe.of(python);
        if (probe.state() == Probe.State.MISSING) {
            throw absent(probe.reason(), () -> installer.offer(python, probe.reason()));
        }
        if (probe.state() == Probe.State.BROKEN) {
            throw absent(probe.reason(), () -> Notifications.withSettings(project, probe.reason()));
        }
        last = python;
        absence = STOPPED;
        told = "";
        return python;
    }

    /** Whether it is another one now than when the server was to be started. */
    boolean hasChanged() {
        Choice before = chosen;
        return before != null && !before.equals(choose());
    }

    /** Whether the user was told a moment ago why there is no server. */
    boolean wasTold(String reason) {
        return reason.equals(told) && System.currentTimeMillis() - toldAt < MOMENT;
    }

    /** The user wants it to be tried anew: they are told again. */
    void forget() {
        told = "";
    }

    /** LSP4IJ tries again and again: of one reason the user is told once. */
    private IllegalStateException absent(String reason, Runnable tell) {
        absence = reason;
        if (!reason.equals(told)) {
            told = reason;
            toldAt = System.currentTimeMillis();
            tell.run();
        }
        return new IllegalStateException(reason);
    }

    private Choice choose() {
        String setting = FlorSettings.of(project).options().python();
        String expanded = Interpreters.expanded(setting, System.getProperty("user.home"), project.getBasePath());
        return ApplicationManager.getApplication().runReadAction((Computable<Choice>) () -> Interpreters.choose(
                expanded,
                Arrays.stream(ModuleManager.getInstance(project).getModules())
                        .map(module -> sdk(ModuleRootManager.getInstance(module).getSdk()))
                        .filter(Objects::nonNull)
                        .toList(),
                sdk(ProjectRootManager.getInstance(project).getProjectSdk()),
                Interpreters::isLocal));
    }

    private static Sdk sdk(com.intellij.openapi.projectRoots.Sdk own) {
        return own == null ? null : new Sdk(own.getName(), own.getSdkType().getName(), own.getHomePath());
    }
}
