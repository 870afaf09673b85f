package org.flor.pycharm;

import com.intellij.openapi.vfs.VirtualFile;

/** Files that Flor is about. */
final class PythonFile {
    private PythonFile() {}

    /** Whether this is a Python file on this machine; null is none. */
    static boolean is(VirtualFile file) {
        return file != null && file.isInLocalFileSystem() && "Python".equals(file.getFileType().getName());
    }
}
