-- Call records go when they are too old: a thousand at a time and with pauses, so that no new one waits for long. Safe to run again.
DELIMITER //
CREATE OR REPLACE PROCEDURE cdr_retention(IN days INT UNSIGNED)
BEGIN
  DECLARE gone INT DEFAULT 1;
  WHILE gone > 0 DO
    DELETE FROM acc_cdrs WHERE start_time < UTC_TIMESTAMP() - INTERVAL days DAY ORDER BY start_time LIMIT 1000;
    SET gone = ROW_COUNT();
    DO SLEEP(0.05);
  END WHILE;
END//
DELIMITER ;
