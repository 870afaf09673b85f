package org.flor.pycharm;

import com.intellij.ide.BrowserUtil;
import com.intellij.ide.ui.LafManagerListener;
import com.intellij.openapi.Disposable;
import com.intellij.openapi.application.ApplicationManager;
import com.intellij.openapi.fileEditor.FileEditorManager;
import com.intellij.openapi.fileEditor.FileEditorManagerEvent;
import com.intellij.openapi.fileEditor.FileEditorManagerListener;
import com.intellij.openapi.util.Disposer;
import com.intellij.openapi.vfs.VirtualFile;
import com.intellij.ui.jcef.JBCefApp;
import com.intellij.ui.jcef.JBCefBrowser;
import java.awt.FlowLayout;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.swing.JButton;
import javax.swing.JComponent;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.UIManager;
import org.flor.pycharm.core.Messages.Address;
import org.flor.pycharm.core.Messages.Panel;
import org.flor.pycharm.core.Page;
import org.flor.pycharm.core.Theme;
import org.flor.pycharm.core.Uris;

/** The side panel: the server's page in the IDE's browser; where the IDE has none, the way to another browser. */
final class PanelWindow implements Disposable {
    private final Flor flor;
    private final JBCefBrowser browser; // null: the IDE has none
    private final JComponent component;

    PanelWindow(Flor flor) {
        this.flor = flor;
        browser = JBCefApp.isSupported() ? new JBCefBrowser() : null;
        component = browser == null ? fallback() : browser.getComponent();
        if (browser != null) {
            Disposer.register(this, browser);
        }
        follow();
        flor.opened(this);
    }

    JComponent component() {
        return component;
    }

    private JComponent fallback() {
        JPanel panel = new JPanel(new FlowLayout(FlowLayout.LEADING));
        panel.add(new JLabel("This IDE runs without its browser."));
        JButton button = new JButton("Open in Browser");
        button.addActionListener(event -> openInBrowser(flor));
        panel.add(button);
        return panel;
    }

    /** The file that the user has before them, and the theme. */
    private void follow() {
        flor.project().getMessageBus().connect(this).subscribe(FileEditorManagerListener.FILE_EDITOR_MANAGER,
                new FileEditorManagerListener() {
                    @Override
                    public void selectionChanged(FileEditorManagerEvent event) {
                        if (PythonFile.is(event.getNewFile())) {
                            tell(Page.file(Uris.of(event.getNewFile().getPath())));
                        }
                    }
                });
        ApplicationManager.getApplication().getMessageBus().connect(this).subscribe(LafManagerListener.TOPIC,
                source -> tell(Page.theme(theme())));
    }

    /** Load the page of the server that there is. */
    void load() {
        if (browser == null) {
            return;
        }
        address(flor).thenAccept(found -> flor.onEdt(() -> browser.loadURL(found.url))).exceptionally(error -> {
            flor.onEdt(() -> browser.loadHTML(Page.message(flor.interpreter().absence(), theme())));
            return null;
        });
    }

    void show(String experiment) {
        tell(Page.show(experiment));
    }

    void view(String view) {
        tell(Page.view(view));
    }

    private void tell(String javaScript) {
        if (browser != null) {
            browser.getCefBrowser().executeJavaScript(javaScript, browser.getCefBrowser().getURL(), 0);
        }
    }

    static void openInBrowser(Flor flor) {
        flor.watch(address(flor).thenAccept(found -> BrowserUtil.browse(found.url)));
    }

    private static CompletableFuture<Address> address(Flor flor) {
        return flor.onEdt(() -> {
            VirtualFile[] selected = FileEditorManager.getInstance(flor.project()).getSelectedFiles();
            VirtualFile file = Stream.of(selected).filter(PythonFile::is).findFirst().orElse(null);
            return new Panel(flor.wanted(), file == null ? null : Uris.of(file.getPath()), theme());
        }).thenCompose(params -> flor.ask(server -> server.panel(params)));
    }

    private static String theme() {
        return Theme.of(UIManager.getColor("Panel.background"), UIManager.getColor("Panel.foreground"));
    }

    @Override
    public void dispose() {
        flor.opened(null);
    }
}
