/** The plugin: what the IDE and LSP4IJ call. What can be known without them is in {@code core}. */
package org.flor.pycharm;
