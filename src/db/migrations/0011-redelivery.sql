-- What a vendor's record of its events says of its deliveries to us.

alter table lockstep.event_log_marks
  -- The newest try to deliver an event of this scope, in the vendor's terms: it can be asked to make it again.
  add column attempt text,
  -- As which event the inbox knows it.
  add column attempt_key text,
  -- When it was last asked, to see whether deliveries come through.
  add column asked_at timestamptz;
