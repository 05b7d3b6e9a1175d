-- Where tickets and documents stand in the list of a role that is told their times cut: by the cut time, then by the role's own number (study/house_int.h, house_turn).
-- An order within one minute that two roles had would say which of their numbers are of one ticket.
ALTER TABLE ticket ADD COLUMN installer_turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN monitor_turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE document ADD COLUMN monitor_turn INTEGER NOT NULL DEFAULT 0;
UPDATE ticket SET
    installer_turn = opened_at / 60000000 * 68719476736 + COALESCE((SELECT a.number / 65536 FROM alias a WHERE a.scope = ticket.scope AND
        a.holder = 'installer' AND a.subject_index = ticket.alias_index), 0),
    monitor_turn = opened_at / 60000000 * 68719476736 + COALESCE((SELECT a.number / 65536 FROM alias a WHERE a.scope = ticket.scope AND
        a.holder = 'monitor' AND a.subject_index = ticket.alias_index), 0);
UPDATE document SET
    monitor_turn = created_at / 86400000000 * 68719476736 + COALESCE((SELECT a.number / 65536 FROM alias a WHERE a.scope = document.scope AND
        a.holder = 'monitor' AND a.subject_index = document.alias_index), 0);
CREATE INDEX ticket_of_house_by_installer ON ticket (scope, house_nick, installer_turn, id);
CREATE INDEX ticket_by_installer ON ticket (scope, installer_turn, id);
CREATE INDEX ticket_in_state_by_installer ON ticket (scope, state, installer_turn, id);
CREATE INDEX ticket_of_house_by_monitor ON ticket (scope, house_nick, monitor_turn, id);
CREATE INDEX ticket_by_monitor ON ticket (scope, monitor_turn, id);
CREATE INDEX ticket_in_state_by_monitor ON ticket (scope, state, monitor_turn, id);
CREATE INDEX document_of_house_by_monitor ON document (scope, house_nick, monitor_turn, id);
