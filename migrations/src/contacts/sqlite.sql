-- Looks up three letters at a time. The text itself stays in contact_search.
CREATE VIRTUAL TABLE contact_fts USING fts5 (document, content='contact_search', content_rowid='rowid', tokenize='trigram case_sensitive 1', detail='full');

CREATE TRIGGER contact_search_added AFTER INSERT ON contact_search BEGIN
    INSERT INTO contact_fts (rowid, document) VALUES (new.rowid, new.document);
END;

CREATE TRIGGER contact_search_removed AFTER DELETE ON contact_search BEGIN
    INSERT INTO contact_fts (contact_fts, rowid, document) VALUES ('delete', old.rowid, old.document);
END;

CREATE TRIGGER contact_search_changed AFTER UPDATE ON contact_search BEGIN
    INSERT INTO contact_fts (contact_fts, rowid, document) VALUES ('delete', old.rowid, old.document);
    INSERT INTO contact_fts (rowid, document) VALUES (new.rowid, new.document);
END;
