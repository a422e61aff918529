-- How long the body of a waiting event is, so that a batch of them is bounded without looking at the bodies.
alter table lockstep.inbox_queue add column bytes integer not null default 0;
update lockstep.inbox_queue as q set bytes = octet_length(e.body)
from lockstep.inbox_events as e where e.id = q.id;
alter table lockstep.inbox_queue alter column bytes drop default;

-- Whether the body is UTF-8 without NUL, as nearly all are: such a one is handed out as text, half as long on the way.
alter table lockstep.inbox_events add column plain boolean not null default false;
