package org.flor.pycharm;

import com.intellij.openapi.project.DumbAware;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.wm.ToolWindow;
import com.intellij.openapi.wm.ToolWindowFactory;
import com.intellij.ui.content.Content;
import com.intellij.ui.content.ContentFactory;

/** Fills the tool window when it is first opened. */
public final class PanelFactory implements ToolWindowFactory, DumbAware {
    @Override
    public void createToolWindowContent(Project project, ToolWindow toolWindow) {
        PanelWindow panel = new PanelWindow(Flor.of(project));
        Content content = ContentFactory.getInstance().createContent(panel.component(), "", false);
        content.setDisposer(panel);
        toolWindow.getContentManager().addContent(content);
        panel.load();
    }
}
