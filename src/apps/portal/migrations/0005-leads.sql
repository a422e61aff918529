-- Leads: one row a person and workspace. What machines know and what people decided are kept apart; the columns that
-- people read are made of both by one trigger, whoever writes.

create aggregate portal.merged(jsonb) (sfunc = pg_catalog.jsonb_concat, stype = jsonb, initcond = '{}');

create function portal.stage_rank(stage text) returns integer language sql immutable parallel safe as $$
  select case stage
    when 'new' then 0 when 'replied' then 1 when 'interested' then 2 when 'quoting' then 3 when 'follow-up' then 3
    when 'won' then 4 when 'lost' then 4 when 'unsubscribed' then 4 when 'bounced' then 4
  end
$$;

-- The stage that is shown: a person's decision, unless a machine's is both later and of a higher rank.
create function portal.shown_stage(machine text, machine_at timestamptz, human text, human_at timestamptz) returns text
language sql immutable parallel safe as $$
  select case
    when human is null then machine
    when machine_at > human_at and portal.stage_rank(machine) > portal.stage_rank(human) then machine
    else human
  end
$$;

create table public.client_leads (
  id uuid primary key default gen_random_uuid(),
  scope text collate "C" not null,
  workspace_name text not null,
  -- In lower case, without blanks: what tells a person of a workspace from any other.
  lead_email text collate "C" not null check (lead_email = lower(btrim(lead_email)) and lead_email <> ''),
  bison_lead_id text,
  bison_workspace_id integer generated always as (split_part(scope, '/', 2)::integer) stored,
  first_name text,
  last_name text,
  phone text,
  address text,
  city text,
  state text,
  zip text,
  title text,
  company text,
  renewal text,
  birthday text,
  -- What the vendor says, newest first; what people corrected. The columns above are the second over the first.
  contact jsonb not null default '{}',
  edits jsonb not null default '{}',
  custom_variables jsonb,
  tags jsonb,
  lead_campaign_data jsonb,
  overall_stats jsonb,
  lead_status text,
  date_received timestamptz,
  bison_reply_uuid text,
  bison_conversation_url text,
  -- Only the vendor's own mark of interest makes this true, and nothing makes it false again.
  interested boolean not null default false,
  interested_at timestamptz,
  pipeline_stage text not null default 'new' check (portal.stage_rank(pipeline_stage) is not null),
  machine_stage text not null default 'new' check (machine_stage in ('new', 'replied', 'interested')),
  machine_stage_at timestamptz,
  human_stage text check (human_stage is null or portal.stage_rank(human_stage) is not null),
  human_stage_at timestamptz,
  human_stage_by text,
  delivery_state text not null default 'ok' check (delivery_state in ('ok', 'bounced', 'unsubscribed')),
  bounced_at timestamptz,
  unsubscribed_at timestamptz,
  pipeline_position integer,
  notes text,
  lead_value numeric(12, 2) not null default 500,
  premium_amount numeric(12, 2) check (premium_amount >= 0),
  policy_type text check (policy_type in ('Auto', 'Home', 'Life', 'Commercial', 'Health', 'Umbrella', 'Other')),
  assigned_to_user_id uuid,
  assigned_to_name text,
  assigned_at timestamptz,
  assigned_by_user_id text,
  deleted_at timestamptz,
  deleted_by_user_id text,
  deletion_reason text,
  -- Somebody added it by hand; it is shown whether the vendor knows of an interest or not.
  is_manual boolean not null default false,
  airtable_id text,
  external_api_sent_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (scope, lead_email),
  unique (lead_email, workspace_name) deferrable initially immediate,
  constraint client_leads_won check (
    pipeline_stage <> 'won' or (premium_amount is not null and policy_type is not null))
);
create index client_leads_interested on public.client_leads (scope, interested_at) where interested and deleted_at is null;
create index client_leads_board on public.client_leads (workspace_name, date_received desc) where deleted_at is null;
create index client_leads_bison on public.client_leads (scope, bison_lead_id);
create unique index client_leads_airtable on public.client_leads (airtable_id) where airtable_id is not null;

create table public.pipeline_stage_history (
  id bigint generated always as identity primary key,
  lead_id uuid not null references public.client_leads (id) on delete cascade,
  workspace_name text not null,
  lead_email text not null,
  old_stage text,
  new_stage text not null,
  changed_at timestamptz not null default clock_timestamp(),
  actor_kind text not null check (actor_kind in ('machine', 'human')),
  actor text not null,
  db_role text not null default current_user,
  jwt_sub text,
  jwt_role text,
  user_agent text,
  referer text,
  client_addr inet default inet_client_addr()
);
create index pipeline_stage_history_lead on public.pipeline_stage_history (lead_id, changed_at desc);
create index pipeline_stage_history_workspace on public.pipeline_stage_history (workspace_name, changed_at desc);

-- What the request says of who makes it, where a gateway put that into the session.
create function portal.request_value(setting text, field text) returns text language plpgsql stable as $$
begin
  return nullif(current_setting(setting, true), '')::jsonb ->> field;
exception when invalid_text_representation then return null;
end
$$;

create function portal.who() returns text language sql stable as $$
  select coalesce(portal.request_value('request.jwt.claims', 'sub'), session_user)
$$;

create function portal.settle_lead() returns trigger language plpgsql as $$
declare
  fields constant text[] := array['first_name', 'last_name', 'phone', 'address', 'city', 'state', 'zip', 'title',
    'company', 'renewal', 'birthday'];
  direct jsonb;
  shown jsonb;
begin
  -- A column that is written by itself was edited by a person, and stays theirs.
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(f, to_jsonb(new) -> f) into direct
    from unnest(fields) as f where to_jsonb(new) -> f is distinct from to_jsonb(old) -> f;
    if new.pipeline_stage <> old.pipeline_stage
      and (new.human_stage, new.human_stage_at) is not distinct from (old.human_stage, old.human_stage_at) then
      new.human_stage := new.pipeline_stage;
      new.human_stage_at := clock_timestamp();
      new.human_stage_by := portal.who();
    end if;
    new.updated_at := clock_timestamp();
  end if;
  new.edits := new.edits || coalesce(direct, '{}');
  shown := new.contact || new.edits;
  select jsonb_object_agg(f, shown -> f) into shown from unnest(fields) as f;
  new := jsonb_populate_record(new, shown);
  new.pipeline_stage := portal.shown_stage(new.machine_stage, new.machine_stage_at, new.human_stage, new.human_stage_at);
  return new;
end
$$;
create trigger client_leads_settle before insert or update on public.client_leads for each row
execute function portal.settle_lead();

create function portal.note_stage() returns trigger language plpgsql as $$
declare
  by_human boolean := new.human_stage is not null and new.pipeline_stage = new.human_stage;
begin
  if tg_op = 'UPDATE' then by_human := new.human_stage_at is distinct from old.human_stage_at; end if;
  insert into public.pipeline_stage_history (lead_id, workspace_name, lead_email, old_stage, new_stage, actor_kind, actor,
    jwt_sub, jwt_role, user_agent, referer)
  values (new.id, new.workspace_name, new.lead_email, case when tg_op = 'UPDATE' then old.pipeline_stage end, new.pipeline_stage,
    case when by_human then 'human' else 'machine' end,
    case when by_human then coalesce(new.human_stage_by, portal.who()) else 'email-bison' end,
    portal.request_value('request.jwt.claims', 'sub'), portal.request_value('request.jwt.claims', 'role'),
    portal.request_value('request.headers', 'user-agent'), portal.request_value('request.headers', 'referer'));
  return null;
end
$$;
create trigger client_leads_added after insert on public.client_leads for each row execute function portal.note_stage();
create trigger client_leads_moved after update on public.client_leads for each row
when (old.pipeline_stage is distinct from new.pipeline_stage) execute function portal.note_stage();

-- Who is who among the vendor's leads: the e-mail by which each of its ids goes now.
create table portal.lead_ids (
  scope text collate "C" not null,
  lead_id bigint not null,
  person text collate "C" not null,
  primary key (scope, lead_id)
);
create index lead_ids_person on portal.lead_ids (scope, person);
