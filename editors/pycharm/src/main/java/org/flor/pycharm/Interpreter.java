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
    private static final String UNTRUSTED = "This project is not trusted: nothing in it is run.";

    private final Project project;
    private final Installer installer;
    private volatile String last = "";
    private volatile String absence = STOPPED;

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
        if (!TrustedProjects.isProjectTrusted(project)) {
            throw absent(UNTRUSTED);
        }
        Choice choice = choose();
        if (choice instanceof Choice.Refused refused) {
            throw told(refused.reason());
        }
        String python = ((Choice.Found) choice).path();
        Probe probe = Probe.of(python);
        if (probe.state() == Probe.State.MISSING) {
            installer.offer(python, probe.reason());
            throw absent(probe.reason());
        }
        if (probe.state() == Probe.State.BROKEN) {
            throw told(probe.reason());
        }
        last = python;
        absence = STOPPED;
        return python;
    }

    /** Whether it is another one now than the server was started with. */
    boolean hasChanged() {
        return !(choose() instanceof Choice.Found found && found.path().equals(last));
    }

    private IllegalStateException absent(String reason) {
        absence = reason;
        return new IllegalStateException(reason);
    }

    private IllegalStateException told(String reason) {
        Notifications.withSettings(project, reason);
        return absent(reason);
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
