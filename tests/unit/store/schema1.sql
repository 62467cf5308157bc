-- A database as schema 1 made it, with two runs, a revision and two lines of the audit log.
CREATE TABLE identity (
    id INTEGER NOT NULL CHECK (id = 1),
    computer TEXT NOT NULL,
    epoch TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE run (
    number INTEGER NOT NULL,
    calibration TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    instrument_seconds FLOAT NOT NULL,
    program TEXT NOT NULL,
    shots INTEGER NOT NULL,
    data TEXT,
    committed INTEGER NOT NULL,
    PRIMARY KEY (number)
);
CREATE TABLE audit (
    number INTEGER NOT NULL,
    time INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (number)
);
CREATE TABLE activity (
    id INTEGER NOT NULL CHECK (id = 1),
    what TEXT,
    pid INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE fit (
    run INTEGER NOT NULL,
    target TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    verdict TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    chi2_reduced FLOAT,
    window_times FLOAT,
    shots_times FLOAT,
    centre_on FLOAT,
    PRIMARY KEY (run, target),
    FOREIGN KEY(run) REFERENCES run (number)
);
CREATE TABLE fitted (
    run INTEGER NOT NULL,
    target TEXT NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    value FLOAT,
    stderr FLOAT,
    unit TEXT NOT NULL,
    PRIMARY KEY (run, target, name),
    FOREIGN KEY(run) REFERENCES run (number)
);
CREATE TABLE revision (
    number INTEGER NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (run),
    FOREIGN KEY(run) REFERENCES run (number)
);
CREATE TABLE change (
    revision INTEGER NOT NULL,
    name TEXT NOT NULL,
    value FLOAT NOT NULL,
    stderr FLOAT NOT NULL CHECK (stderr >= 0),
    unit TEXT NOT NULL,
    time INTEGER NOT NULL,
    valid_until INTEGER,
    run INTEGER NOT NULL,
    PRIMARY KEY (revision, name),
    FOREIGN KEY(revision) REFERENCES revision (number),
    FOREIGN KEY(run) REFERENCES run (number)
);
CREATE INDEX change_by_name ON change (name, revision);
CREATE TABLE parameter (
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    value FLOAT NOT NULL,
    stderr FLOAT NOT NULL CHECK (stderr >= 0),
    unit TEXT NOT NULL,
    time INTEGER NOT NULL,
    valid_until INTEGER,
    run INTEGER NOT NULL,
    PRIMARY KEY (name),
    FOREIGN KEY(revision) REFERENCES revision (number),
    FOREIGN KEY(run) REFERENCES run (number)
);
CREATE TABLE outbox (
    number INTEGER NOT NULL,
    run INTEGER NOT NULL,
    revision INTEGER,
    sent INTEGER,
    PRIMARY KEY (number),
    FOREIGN KEY(run) REFERENCES run (number),
    FOREIGN KEY(revision) REFERENCES revision (number)
);
CREATE INDEX outbox_waiting ON outbox (number) WHERE sent IS NULL;
INSERT INTO identity VALUES (1, 'two-qubits', '0123456789abcdef', 1768996800000000);
INSERT INTO run VALUES (1, 't1', 1768996779000000, 1768996800000000, 20.6, 't1', 1000, NULL, 1768996801000000);
INSERT INTO run VALUES (2, 't1', 1768996879000000, 1768996900000000, 20.6, 't1', 1000, NULL, 1768996901000000);
INSERT INTO fit VALUES (1, 'q0', 0, 't1', 'accepted', 'success', 'a clean decay', 1.04, NULL, NULL, NULL);
INSERT INTO fit VALUES (2, 'q0', 0, 't1', 'rejected', 'no signal', 'the trace is flat', 0.98, NULL, NULL, NULL);
INSERT INTO fitted VALUES (1, 'q0', 't1', 0, 5.1e-05, 6e-07, 's');
INSERT INTO revision VALUES (1, 1);
INSERT INTO change VALUES (1, 'q0.t1', 5.1e-05, 6e-07, 's', 1768996790000000, NULL, 1);
INSERT INTO parameter VALUES ('q0.t1', 1, 5.1e-05, 6e-07, 's', 1768996790000000, NULL, 1);
INSERT INTO outbox VALUES (1, 1, 1, 1768996802000000);
INSERT INTO outbox VALUES (2, 2, NULL, NULL);
INSERT INTO audit VALUES (1, 1768996770000000, 'daemon', 'awg1', 'None', 'playlist t1', 'allowed');
INSERT INTO audit VALUES (2, 1768996780000000, 'daemon', 'awg1', 'playing', 'stopped', 'allowed');
INSERT INTO activity VALUES (1, 't1 on q0', 4711, 1768996880000000);
CREATE TRIGGER run_no_update BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'run is append-only'); END;
CREATE TRIGGER run_no_delete BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'run is append-only'); END;
CREATE TRIGGER fit_no_update BEFORE UPDATE ON fit BEGIN SELECT RAISE(ABORT, 'fit is append-only'); END;
CREATE TRIGGER fit_no_delete BEFORE DELETE ON fit BEGIN SELECT RAISE(ABORT, 'fit is append-only'); END;
CREATE TRIGGER fitted_no_update BEFORE UPDATE ON fitted BEGIN SELECT RAISE(ABORT, 'fitted is append-only'); END;
CREATE TRIGGER fitted_no_delete BEFORE DELETE ON fitted BEGIN SELECT RAISE(ABORT, 'fitted is append-only'); END;
CREATE TRIGGER revision_no_update BEFORE UPDATE ON revision BEGIN SELECT RAISE(ABORT, 'revision is append-only'); END;
CREATE TRIGGER revision_no_delete BEFORE DELETE ON revision BEGIN SELECT RAISE(ABORT, 'revision is append-only'); END;
CREATE TRIGGER change_no_update BEFORE UPDATE ON change BEGIN SELECT RAISE(ABORT, 'change is append-only'); END;
CREATE TRIGGER change_no_delete BEFORE DELETE ON change BEGIN SELECT RAISE(ABORT, 'change is append-only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
PRAGMA application_id = 1265921902;
PRAGMA user_version = 1;
