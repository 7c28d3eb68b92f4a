-- What this stack adds to Kamailio's own tables. Safe to run again. Kamailio names its columns, so more of them do no harm.

-- Rows made by `up` carry 'stack' and are reconciled; all others belong to an operator.
ALTER TABLE subscriber
  ADD COLUMN IF NOT EXISTS ha1_sha256 CHAR(64) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS class VARCHAR(32) NOT NULL DEFAULT 'default',
  ADD COLUMN IF NOT EXISTS owner VARCHAR(32) NOT NULL DEFAULT 'operator';
ALTER TABLE dispatcher ADD COLUMN IF NOT EXISTS owner VARCHAR(32) NOT NULL DEFAULT 'operator';
ALTER TABLE rtpengine ADD COLUMN IF NOT EXISTS owner VARCHAR(32) NOT NULL DEFAULT 'operator';
ALTER TABLE secfilter ADD COLUMN IF NOT EXISTS owner VARCHAR(32) NOT NULL DEFAULT 'operator';
ALTER TABLE address ADD COLUMN IF NOT EXISTS owner VARCHAR(32) NOT NULL DEFAULT 'operator';
ALTER TABLE uacreg ADD COLUMN IF NOT EXISTS owner VARCHAR(32) NOT NULL DEFAULT 'operator';

-- As long as the edge lets them be (sanity.cfg): a dialog that does not fit is not written, and lost by a restart.
ALTER TABLE dialog
  MODIFY COLUMN from_tag VARCHAR(255) NOT NULL,
  MODIFY COLUMN to_tag VARCHAR(255) NOT NULL,
  MODIFY COLUMN from_uri VARCHAR(1024) NOT NULL,
  MODIFY COLUMN to_uri VARCHAR(1024) NOT NULL,
  MODIFY COLUMN caller_contact VARCHAR(1024) NOT NULL,
  MODIFY COLUMN callee_contact VARCHAR(1024) NOT NULL,
  MODIFY COLUMN caller_route_set VARCHAR(2048),
  MODIFY COLUMN callee_route_set VARCHAR(2048),
  MODIFY COLUMN req_uri VARCHAR(1024) NOT NULL,
  MODIFY COLUMN xdata VARCHAR(2048);

-- What the HA1 cache of the edge loads (module htable), by digest algorithm.
CREATE OR REPLACE VIEW ha1cache AS
  SELECT id, CONCAT(username, '@', domain) AS key_name, 0 AS key_type, 0 AS value_type, ha1 AS key_value, 0 AS expires
    FROM subscriber WHERE ha1 <> '';
-- Both hashes: the phone chooses. What comes after the domain, which is fixed, cannot be part of a user's name.
CREATE OR REPLACE VIEW ha1cache_both AS
  SELECT id, CONCAT(username, '@', domain) AS key_name, 0 AS key_type, 0 AS value_type, ha1 AS key_value, 0 AS expires
    FROM subscriber WHERE ha1 <> ''
  UNION ALL
  SELECT id, CONCAT(username, '@', domain, ';sha256') AS key_name, 0 AS key_type, 0 AS value_type, ha1_sha256 AS key_value, 0 AS expires
    FROM subscriber WHERE ha1_sha256 <> '';
CREATE OR REPLACE VIEW ha1cache_sha256 AS
  SELECT id, CONCAT(username, '@', domain) AS key_name, 0 AS key_type, 0 AS value_type, ha1_sha256 AS key_value, 0 AS expires
    FROM subscriber WHERE ha1_sha256 <> '';
-- The class of each subscriber (htable `class`).
CREATE OR REPLACE VIEW classcache AS
  SELECT id, CONCAT(username, '@', domain) AS key_name, 0 AS key_type, 0 AS value_type, class AS key_value, 0 AS expires FROM subscriber;

-- What the edge allows, as the script looks it up: `class.<class>.<rule>`, `trunk.<trunk>.<rule>`, ... (htable `policy`). value_type: 0 text,
-- 1 number.
CREATE TABLE IF NOT EXISTS edge_policy (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  key_name VARCHAR(128) NOT NULL,
  value_type TINYINT NOT NULL DEFAULT 0,
  key_value VARCHAR(255) NOT NULL,
  owner VARCHAR(32) NOT NULL DEFAULT 'operator',
  UNIQUE INDEX key_name_idx (key_name)
) ENGINE = InnoDB;
CREATE OR REPLACE VIEW policycache AS
  SELECT id, key_name, 0 AS key_type, value_type, key_value, 0 AS expires FROM edge_policy;

-- Keys of X-Company-Signature, found by their name (mode hmac) or by themselves (mode static); htable `sigkeys`.
CREATE TABLE IF NOT EXISTS signature_key (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  key_id VARCHAR(32) NOT NULL,
  secret VARCHAR(128) NOT NULL,
  owner VARCHAR(32) NOT NULL DEFAULT 'operator',
  UNIQUE INDEX key_id_idx (key_id)
) ENGINE = InnoDB;
CREATE OR REPLACE VIEW signaturecache AS
  SELECT id, CONCAT('id:', key_id) AS key_name, 0 AS key_type, 0 AS value_type, secret AS key_value, 0 AS expires FROM signature_key
  UNION ALL
  SELECT id, CONCAT('secret:', secret) AS key_name, 0 AS key_type, 0 AS value_type, key_id AS key_value, 0 AS expires FROM signature_key;

-- What each client certificate is good for, by the fingerprint of its key; htable `devices`.
CREATE TABLE IF NOT EXISTS device_certificate (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  key_id CHAR(32) NOT NULL,
  name VARCHAR(64) NOT NULL,
  subscriber VARCHAR(64) NOT NULL DEFAULT '',
  owner VARCHAR(32) NOT NULL DEFAULT 'operator',
  UNIQUE INDEX key_id_idx (key_id)
) ENGINE = InnoDB;
CREATE OR REPLACE VIEW devicecache AS
  SELECT id, key_id AS key_name, 0 AS key_type, 0 AS value_type, CONCAT('name=', name, ';subscriber=', subscriber) AS key_value, 0 AS expires
    FROM device_certificate;

-- Carriers. Their hosts are in `dispatcher` (set = setid), their addresses in `address` (tag = name), their rules in `edge_policy`
-- (`trunk.<name>.<rule>`), their registrations in `uacreg` (l_uuid = name).
CREATE TABLE IF NOT EXISTS trunk (
  name VARCHAR(32) NOT NULL PRIMARY KEY,
  setid INT NOT NULL,
  certificate_name VARCHAR(253) NOT NULL DEFAULT '',
  owner VARCHAR(32) NOT NULL DEFAULT 'operator',
  UNIQUE INDEX setid_idx (setid)
) ENGINE = InnoDB;
-- Which numbers go out by which trunk: the longest prefix, then the lowest position.
CREATE TABLE IF NOT EXISTS trunk_prefix (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  trunk VARCHAR(32) NOT NULL,
  prefix VARCHAR(32) NOT NULL,
  position INT NOT NULL DEFAULT 1,
  strip INT NOT NULL DEFAULT 0,
  add_digits VARCHAR(32) NOT NULL DEFAULT '',
  owner VARCHAR(32) NOT NULL DEFAULT 'operator',
  UNIQUE INDEX trunk_prefix_idx (trunk, prefix)
) ENGINE = InnoDB;
-- Whom an inbound call reaches. A carrier can only deliver the numbers that it has here.
CREATE TABLE IF NOT EXISTS trunk_number (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  trunk VARCHAR(32) NOT NULL,
  number VARCHAR(64) NOT NULL,
  position INT NOT NULL DEFAULT 0,
  subscriber VARCHAR(64) NOT NULL,
  owner VARCHAR(32) NOT NULL DEFAULT 'operator',
  UNIQUE INDEX trunk_number_idx (trunk, number)
) ENGINE = InnoDB;
-- For a carrier's challenges. An HA1 is good for its realm alone.
CREATE TABLE IF NOT EXISTS trunk_auth (
  trunk VARCHAR(32) NOT NULL PRIMARY KEY,
  username VARCHAR(64) NOT NULL,
  realm VARCHAR(128) NOT NULL,
  ha1 CHAR(32) NOT NULL,
  owner VARCHAR(32) NOT NULL DEFAULT 'operator'
) ENGINE = InnoDB;
-- Nodes of the stack that an operator keeps out of use. `up` respects them.
CREATE TABLE IF NOT EXISTS node_drain (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  owner VARCHAR(32) NOT NULL DEFAULT 'operator'
) ENGINE = InnoDB;
-- What the edge loads of them: htable `trunk` (name → dispatcher set), htable `trunknumber` (`trunk::number` → subscriber, `trunk::of::subscriber` →
-- his first number), htable `trunkauth`, and mtree `trunks` (prefix → `trunk/strip/add,...` in the order of trial).
CREATE OR REPLACE VIEW trunkcache AS
  SELECT setid AS id, name AS key_name, 0 AS key_type, 1 AS value_type, CAST(setid AS CHAR(16)) AS key_value, 0 AS expires FROM trunk;
CREATE OR REPLACE VIEW trunknumbercache AS
  SELECT id, CONCAT(trunk, '::', number) AS key_name, 0 AS key_type, 0 AS value_type, subscriber AS key_value, 0 AS expires
    FROM trunk_number
  UNION ALL
  SELECT MIN(id), CONCAT(trunk, '::of::', subscriber), 0, 0, SUBSTRING_INDEX(GROUP_CONCAT(number ORDER BY position, id), ',', 1), 0
    FROM trunk_number GROUP BY trunk, subscriber;
CREATE OR REPLACE VIEW trunkauthcache AS
  SELECT 1 AS id, CONCAT(trunk, '::user') AS key_name, 0 AS key_type, 0 AS value_type, username AS key_value, 0 AS expires FROM trunk_auth
  UNION ALL SELECT 2, CONCAT(trunk, '::realm'), 0, 0, realm, 0 FROM trunk_auth
  UNION ALL SELECT 3, CONCAT(trunk, '::ha1'), 0, 0, ha1, 0 FROM trunk_auth
  UNION ALL SELECT 4, CONCAT('certificate::', certificate_name), 0, 0, name, 0 FROM trunk WHERE certificate_name <> '';
CREATE OR REPLACE VIEW trunkprefixes AS
  SELECT prefix AS tprefix,
    CAST(GROUP_CONCAT(CONCAT(trunk, '/', strip, '/', add_digits) ORDER BY position, trunk SEPARATOR ',') AS CHAR(500)) AS tvalue
    FROM trunk_prefix GROUP BY prefix;
-- Which trunk a host over TLS is of, as in `dispatcher` (htable `tlshost`).
CREATE OR REPLACE VIEW tlshostcache AS
  SELECT MIN(id) AS id, destination AS key_name, 0 AS key_type, 0 AS value_type, MIN(description) AS key_value, 0 AS expires
    FROM dispatcher WHERE destination LIKE '%;transport=tls' GROUP BY destination;
INSERT IGNORE INTO version (table_name, table_version) VALUES
  ('tlshostcache', 2), ('ha1cache', 2), ('ha1cache_sha256', 2), ('ha1cache_both', 2), ('classcache', 2), ('policycache', 2), ('signaturecache', 2),
  ('devicecache', 2), ('trunkcache', 2), ('trunknumbercache', 2), ('trunkauthcache', 2);

-- One row per leg; the legs of one call share xcid, the Call-ID of the caller's leg, whose row (direction 'in') is the billable one.
-- cdr_id is made by the edge: after a crash a call that had ended may come back from the dialog table and end a second time, and a
-- caller chooses his Call-ID himself, so that a unique Call-ID would let him talk for nothing.
-- start_time is when the INVITE came; ring_time and answer_time are NULL for what never happened; duration is talk, in seconds.
ALTER TABLE acc_cdrs
  MODIFY COLUMN start_time DATETIME(3) NOT NULL DEFAULT '2000-01-01',
  MODIFY COLUMN end_time DATETIME(3) NOT NULL DEFAULT '2000-01-01',
  ADD COLUMN IF NOT EXISTS cdr_id VARCHAR(64) NOT NULL,
  ADD COLUMN IF NOT EXISTS callid VARCHAR(255) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS xcid VARCHAR(255) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS direction VARCHAR(3) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS caller VARCHAR(64) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS callee VARCHAR(64) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS src_ip VARCHAR(50) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS node VARCHAR(192) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS sip_code VARCHAR(3) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS cause VARCHAR(128) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS account VARCHAR(64) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS trunk VARCHAR(64) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS codec VARCHAR(32) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS ended_by VARCHAR(8) NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS ring_time DATETIME(3) NULL,
  ADD COLUMN IF NOT EXISTS answer_time DATETIME(3) NULL,
  -- Milliseconds until it rang (or was answered or over without ringing), and of ringing.
  ADD COLUMN IF NOT EXISTS setup_ms INT AS
    (TIMESTAMPDIFF(MICROSECOND, start_time, COALESCE(ring_time, answer_time, end_time)) DIV 1000) VIRTUAL,
  ADD COLUMN IF NOT EXISTS ring_ms INT AS
    (IFNULL(TIMESTAMPDIFF(MICROSECOND, ring_time, COALESCE(answer_time, end_time)) DIV 1000, 0)) VIRTUAL,
  ADD UNIQUE INDEX IF NOT EXISTS cdr_id_idx (cdr_id),
  ADD INDEX IF NOT EXISTS xcid_idx (xcid);

-- What each account has used today (UTC) by trunks: the edge's counters (htable `daily`) begin with it. A call counts on the day on which it ends.
CREATE OR REPLACE VIEW dailycache AS
  WITH today AS (
    SELECT MIN(id) AS id, account, COUNT(*) AS calls, SUM(duration) AS seconds FROM acc_cdrs
      WHERE end_time >= UTC_DATE() AND direction = 'out' AND trunk <> '' AND account <> '' AND account NOT LIKE 'trunk:%'
      GROUP BY account
  )
  SELECT id, CONCAT('calls::', account, '::', DATE_FORMAT(UTC_DATE(), '%Y%m%d')) AS key_name, 0 AS key_type, 1 AS value_type,
    CAST(calls AS CHAR(16)) AS key_value, 0 AS expires FROM today
  UNION ALL
  SELECT id, CONCAT('seconds::', account, '::', DATE_FORMAT(UTC_DATE(), '%Y%m%d')), 0, 1, CAST(CAST(seconds AS UNSIGNED) AS CHAR(16)), 0 FROM today;
INSERT IGNORE INTO version (table_name, table_version) VALUES ('dailycache', 2);

-- Records that were still queued when the edge was stopped (module mqueue).
CREATE TABLE IF NOT EXISTS cdr_queue (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `key` VARCHAR(64) NOT NULL,
  val VARCHAR(4096) NOT NULL
) ENGINE = InnoDB;
-- Events for the API that still waited then, and those that it had not taken (module htable).
CREATE TABLE IF NOT EXISTS event_queue (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `key` VARCHAR(64) NOT NULL,
  val VARCHAR(4096) NOT NULL
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS event_unsent (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  key_name VARCHAR(64) NOT NULL,
  key_type INT NOT NULL DEFAULT 0,
  value_type INT NOT NULL DEFAULT 0,
  key_value VARCHAR(16000) NOT NULL,
  expires INT NOT NULL DEFAULT 0
) ENGINE = InnoDB;
INSERT IGNORE INTO version (table_name, table_version) VALUES ('event_unsent', 2);

-- Calls (dialogs.cfg): one row for each, and no values of a call that is gone. A dialog's variable `cdr` holds names that a caller has chosen.
ALTER TABLE dialog ADD UNIQUE INDEX IF NOT EXISTS call_idx (hash_entry, hash_id);
DELETE FROM dialog_vars WHERE (hash_entry, hash_id) NOT IN (SELECT hash_entry, hash_id FROM dialog);
ALTER TABLE dialog_vars
  MODIFY COLUMN dialog_value VARCHAR(2048) NOT NULL,
  ADD UNIQUE INDEX IF NOT EXISTS value_idx (hash_entry, hash_id, dialog_key),
  ADD CONSTRAINT value_of_call FOREIGN KEY IF NOT EXISTS (hash_entry, hash_id) REFERENCES dialog (hash_entry, hash_id) ON DELETE CASCADE;
