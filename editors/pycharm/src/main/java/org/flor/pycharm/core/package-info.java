/**
 * What the plugin knows without the IDE: which interpreter, which command line, what the messages are, what is said to the
 * user. Nothing here imports the IDE, so that all of it runs in tests.
 */
package org.flor.pycharm.core;
