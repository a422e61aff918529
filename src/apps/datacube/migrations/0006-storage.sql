-- With room in each page a changed row stays in it, and no index is written (a "HOT" update). Pages that are there
-- already get theirs as their rows change.
alter table public.projects set (fillfactor = 85);
alter table public.subitems set (fillfactor = 85);
alter table public.hidden_items set (fillfactor = 85);
