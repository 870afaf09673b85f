package org.flor.pycharm.core;

import java.util.List;

/** The server's messages; docs/protocol.md describes them. Their fields are filled from JSON, by name. */
public final class Messages {
    private Messages() {}

    /** Something of a document: what requests about a file, and many commands take. */
    public static final class OfDocument {
        public final String uri;

        public OfDocument(String uri) {
            this.uri = uri;
        }
    }

    public static final class Position {
        public int line;
        public int character; // in UTF-16

        public static Position of(int line, int character) {
            Position own = new Position();
            own.line = line;
            own.character = character;
            return own;
        }
    }

    public static final class Range {
        public Position start;
        public Position end;

        public static Range of(Position start, Position end) {
            Range own = new Range();
            own.start = start;
            own.end = end;
            return own;
        }
    }

    /** Parameters of flor/nameable. */
    public static final class Selection {
        public final String uri;
        public final Range range;

        public Selection(String uri, Range range) {
            this.uri = uri;
            this.range = range;
        }
    }

    /** An expression that can be named: argument of the command that asks for a name, and of flor.nameExpression. */
    public static final class Nameable {
        public String uri;
        public Integer version;
        public Range range;
        public String name; // the one that suits
        public String text; // of the expression

        /** It, with a name that the user chose. */
        public Nameable as(String chosen) {
            Nameable own = new Nameable();
            own.uri = uri;
            own.version = version;
            own.range = range;
            own.name = chosen;
            return own;
        }
    }

    /** Answer of flor/nameable. */
    public static final class Nameables {
        public List<Nameable> expressions = List.of(); // the innermost first
    }

    public static final class Name {
        public String name;
        public String text; // the expression
        public Range range; // in the shadow copy
        public Range source; // in the source; null: its place is not known there
    }

    /** Answer of flor/names. */
    public static final class Names {
        public String shadow; // a URI; null: nothing is named
        public String source;
        public List<Name> names = List.of();

        public List<String> taken() {
            return names.stream().map(own -> own.name).toList();
        }
    }

    /** Argument of flor.removeName and flor.renameName. */
    public static final class Change {
        public final String uri; // of the shadow copy
        public final String name;
        public final String newName;

        public Change(String uri, String name, String newName) {
            this.uri = uri;
            this.name = name;
            this.newName = newName;
        }
    }

    /** Answer of flor.updateShadow: a line for each name. */
    public static final class Updated {
        public List<String> lost = List.of();
        public List<String> inexact = List.of();
    }

    /** Argument of flor.run, and answer of the client to flor/prepareRun. */
    public static final class Run {
        public String uri;
        public String experiment;
        public List<String> arguments;

        public static Run of(String uri, String experiment, List<String> arguments) {
            Run own = new Run();
            own.uri = uri;
            own.experiment = experiment;
            own.arguments = arguments;
            return own;
        }
    }

    /** One that says which experiment: flor/showTable, flor/table, and answers of commands. */
    public static final class OfExperiment {
        public String experiment;

        public static OfExperiment of(String experiment) {
            OfExperiment own = new OfExperiment();
            own.experiment = experiment;
            return own;
        }
    }

    /** An open table: answer of flor/table, and parameters of flor/closeTable. */
    public static final class Table {
        public int handle;
    }

    /** Parameters of flor/export: the format is the path's extension. */
    public static final class Export {
        public final int handle;
        public final String path;

        public Export(int handle, String path) {
            this.handle = handle;
            this.path = path;
        }
    }

    /** Answer of flor/export. */
    public static final class Exported {
        public String path;
        public long rows;
        public List<String> remarks = List.of();
    }

    /** Answer of flor.nameExpression. */
    public static final class Named {
        public String name;
        public String shadow; // the path of the shadow copy, or its URI if it has none
    }

    public static final class Experiment {
        public String name;
    }

    /** Answer of flor/experiments: those of a file; the one of its last run is the first. */
    public static final class Experiments {
        public List<Experiment> experiments = List.of();
    }

    public static final class Job {
        public int id;
        public String kind; // run, etl, sql, update
        public String title;
        public String state; // running, done, failed, cancelled
        public String message;
    }

    /** Parameters of flor/jobsChanged. */
    public static final class JobChanged {
        public Job job;
    }

    /** Parameters of flor/panel. */
    public static final class Panel {
        public final String experiment;
        public final String uri;
        public final String theme;

        public Panel(String experiment, String uri, String theme) {
            this.experiment = experiment;
            this.uri = uri;
            this.theme = theme;
        }
    }

    /** Answer of flor/panel. */
    public static final class Address {
        public String url;
    }
}
