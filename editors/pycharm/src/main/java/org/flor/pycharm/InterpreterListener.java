package org.flor.pycharm;

import com.intellij.openapi.application.ApplicationManager;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.roots.ModuleRootEvent;
import com.intellij.openapi.roots.ModuleRootListener;

/** Starts the server anew when the project gets another interpreter. */
public final class InterpreterListener implements ModuleRootListener {
    private final Project project;

    public InterpreterListener(Project project) {
        this.project = project;
    }

    @Override
    public void rootsChanged(ModuleRootEvent event) {
        ApplicationManager.getApplication().executeOnPooledThread(() -> {
            if (!project.isDisposed() && Flor.of(project).interpreter().hasChanged()) {
                Flor.of(project).restart();
            }
        });
    }
}
