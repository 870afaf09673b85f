package org.flor.pycharm;

import com.intellij.openapi.editor.Document;
import com.intellij.openapi.fileEditor.FileDocumentManager;
import com.intellij.openapi.fileEditor.FileEditorManager;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.vfs.VirtualFile;
import com.intellij.openapi.vfs.VirtualFileManager;
import java.nio.file.Path;

/**
 * A shadow copy that the server is to edit. The server has the text of what an editor has open; else it reads what is on disk.
 * All of this is done where documents may be touched.
 */
final class ShadowCopy {
    private ShadowCopy() {}

    /** Have the server find it as it is. Returns whether it has changes of the user's own, which they are to save. */
    static boolean prepare(Project project, Path path) {
        VirtualFile file = file(path);
        if (file == null || !isUnsaved(file)) {
            return false;
        }
        if (FileEditorManager.getInstance(project).isFileOpen(file)) {
            return true;
        }
        save(path);
        return false;
    }

    /** Save it, if there is something to save. */
    static void save(Path path) {
        VirtualFile file = file(path);
        if (file != null && isUnsaved(file)) {
            FileDocumentManager manager = FileDocumentManager.getInstance();
            manager.saveDocument(manager.getCachedDocument(file));
        }
    }

    private static boolean isUnsaved(VirtualFile file) {
        FileDocumentManager manager = FileDocumentManager.getInstance();
        Document document = manager.getCachedDocument(file);
        return document != null && manager.isDocumentUnsaved(document);
    }

    /** The IDE's file of a path; null if there is none. */
    static VirtualFile file(Path path) {
        String url = VirtualFileManager.constructUrl("file", path.toString().replace('\\', '/'));
        return VirtualFileManager.getInstance().refreshAndFindFileByUrl(url);
    }
}
