-- Voicemail: one mailbox per subscriber, readable from every Asterisk node. Safe to run again.

-- Mailboxes are the subscribers: a row added there has a mailbox at once, one removed has none, and nothing has to be
-- kept in step. The leading "-" tells Asterisk that the (never asked) mailbox password cannot be changed by phone;
-- the caller was authenticated by the edge. DEFINER: the node's user sees these columns and not the digests.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW voicemail_users AS
  SELECT id AS uniqueid, username AS mailbox, domain AS context, CAST('-' AS CHAR(10)) AS password, username AS fullname
    FROM subscriber;

-- The columns are those that Asterisk 22 writes (app_voicemail with ODBC storage): a message is read with SELECT *, and a
-- column left empty ends that, so the macrocontext of older versions must not be there. `dir` is a path and compared byte by byte.
CREATE TABLE IF NOT EXISTS voicemail_messages (
  dir VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  msgnum INT NOT NULL,
  context VARCHAR(80),
  callerid VARCHAR(255),
  origtime BIGINT,
  duration INT,
  recording LONGBLOB,
  flag VARCHAR(30),
  category VARCHAR(30),
  mailboxuser VARCHAR(80),
  mailboxcontext VARCHAR(190),
  msg_id VARCHAR(80),
  PRIMARY KEY (dir, msgnum)
) ENGINE=InnoDB;
