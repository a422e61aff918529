-- Who waited longest is found at the head of an index: a queue of tens of thousands (somebody changed every row of a board)
-- was sorted whole for each hundred keys that were taken from it.
create index refetch_oldest on lockstep.refetch (app, seq);
create index refetch_order on lockstep.refetch (app, stream, part, seq);
