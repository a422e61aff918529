-- With room in each page a changed row stays in it, and no index is written (a "HOT" update). Pages that are there
-- already get theirs as their rows change.
alter table public.sender_emails_cache set (fillfactor = 85);
alter table public.campaigns set (fillfactor = 85);
alter table public.lead_replies set (fillfactor = 85);
