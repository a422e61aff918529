-- What Email Bison holds, one row a record. `bison_key` is <instance>/<workspace>/<id>: one mailbox may be seen in
-- several workspaces, and ids are an instance's own. No foreign keys: a workspace's rows may arrive before it does.

-- The first tag that is a provider's name.
create function portal.provider_of(tags text[]) returns text language sql immutable parallel safe as $$
  select coalesce((
    select p.name
    from unnest(tags) with ordinality as t (tag, place)
    join unnest(array['Gmail', 'Google', 'Outlook', 'Microsoft', 'Yahoo', 'iCloud', 'AOL']) as p (name)
      on lower(btrim(t.tag)) = lower(p.name)
    order by t.place limit 1
  ), 'Unknown')
$$;

-- The first reseller whose name is part of a tag. "Inbox" is also part of "CheapInboxes", so the order matters.
create function portal.reseller_of(tags text[]) returns text language sql immutable parallel safe as $$
  select coalesce((
    select r.name
    from unnest(array['CheapInboxes', 'Zapmail', 'ScaledMail', 'Mailr', 'Inbox', 'Reseller'])
      with ordinality as r (name, place)
    where exists (select from unnest(tags) as t (tag) where strpos(lower(t.tag), lower(r.name)) > 0)
    order by r.place limit 1
  ), 'Unknown')
$$;

-- Monthly price of a mailbox, where `mailboxes` share its domain. A ScaledMail domain has one price, however many.
create function portal.price_of(reseller text, provider text, mailboxes integer) returns numeric
language sql immutable parallel safe as $$
  select case
    when reseller in ('CheapInboxes', 'Zapmail') then 3.00
    when reseller = 'Mailr' then 0.91
    when reseller = 'ScaledMail' then round(50.0 / greatest(mailboxes, 1), 4)
    when provider in ('Google', 'Gmail') then 3.00
    else 0
  end
$$;

-- What a mailbox may send in a day, by who sells it and how many share its domain.
create function portal.volume_of(reseller text, provider text, mailboxes integer) returns integer
language sql immutable parallel safe as $$
  select case
    when reseller = 'Mailr' then 495 / greatest(mailboxes, 1)
    when reseller = 'ScaledMail' then case when mailboxes between 25 and 48 then 8 else 5 end
    when provider in ('Google', 'Gmail', 'Microsoft', 'Outlook') then 20
    else 15
  end
$$;

create table public.client_registry (
  bison_key text not null unique,
  workspace_name text unique deferrable initially immediate,
  display_name text,
  bison_instance text check (bison_instance = lower(bison_instance)),
  bison_workspace_id integer,
  bison_workspace_name text,
  workspace_id integer generated always as (bison_workspace_id) stored,
  scope text generated always as (bison_instance || '/' || bison_workspace_id) stored,
  client_type text,
  is_active boolean not null default true,
  is_agency boolean not null default false,
  monthly_kpi_target integer not null default 0 check (monthly_kpi_target >= 0),
  monthly_sending_target integer not null default 0 check (monthly_sending_target >= 0),
  daily_sending_target integer not null default 0 check (daily_sending_target >= 0),
  -- A workspace that was just found costs nothing until somebody says what it costs.
  billing_type text not null default 'per_lead' check (billing_type in ('per_lead', 'retainer')),
  price_per_lead numeric(10, 2) not null default 0 check (price_per_lead >= 0),
  retainer_amount numeric(10, 2) not null default 0 check (retainer_amount >= 0),
  payout numeric(10, 2),
  kpi_dashboard_enabled boolean not null default true,
  volume_dashboard_enabled boolean not null default true,
  portal_access_enabled boolean not null default true,
  live_replies_enabled boolean not null default true,
  disconnect_notifications_enabled boolean not null default true,
  timezone text,
  notes text,
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create unique index client_registry_scope on public.client_registry (scope);

create table public.sender_emails_cache (
  id uuid primary key default gen_random_uuid(),
  bison_key text not null unique,
  workspace_name text,
  bison_instance text check (bison_instance = lower(bison_instance)),
  bison_workspace_id integer,
  bison_account_id bigint,
  email_address text,
  account_name text,
  -- Connected, Disconnected, Failed, Not connected; what else the vendor says is kept and counted as other.
  status text,
  account_type text,
  daily_limit integer,
  warmup_enabled boolean,
  emails_sent_count integer,
  total_replied_count integer,
  unique_replied_count integer,
  total_opened_count integer,
  unique_opened_count integer,
  bounced_count integer,
  unsubscribed_count integer,
  interested_leads_count integer,
  total_leads_contacted_count integer,
  tags text[],
  vendor_created_at timestamptz,
  vendor_updated_at timestamptz,
  -- Unique replies of mails sent, percent. Rules of health go by all replies: public.mailbox_health.
  reply_rate_percentage numeric generated always as (
    case when emails_sent_count > 0 then round(coalesce(unique_replied_count, 0) * 100.0 / emails_sent_count, 2) else 0 end
  ) stored,
  email_provider text generated always as (portal.provider_of(tags)) stored,
  reseller text generated always as (portal.reseller_of(tags)) stored,
  domain text generated always as (nullif(lower(split_part(email_address, '@', 2)), '')) stored,
  -- Mailboxes of its domain in all workspaces, each address once; prices and volumes depend on it.
  mailboxes_on_domain integer,
  price_override numeric check (price_override >= 0),
  price numeric generated always as (coalesce(price_override,
    portal.price_of(portal.reseller_of(tags), portal.provider_of(tags), mailboxes_on_domain))) stored,
  price_source text generated always as (
    case when price_override is null then 'calculated' else 'manual' end) stored,
  -- A provider is known and no rule has a price for it.
  pricing_needs_review boolean generated always as (price_override is null and portal.provider_of(tags) <> 'Unknown'
    and portal.price_of(portal.reseller_of(tags), portal.provider_of(tags), mailboxes_on_domain) = 0) stored,
  volume_override integer check (volume_override >= 0),
  volume_per_account integer generated always as (coalesce(volume_override,
    portal.volume_of(portal.reseller_of(tags), portal.provider_of(tags), mailboxes_on_domain))) stored,
  notes text,
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index sender_emails_cache_workspace on public.sender_emails_cache (bison_instance, bison_workspace_id);
create index sender_emails_cache_domain on public.sender_emails_cache (domain, bison_key);
create index sender_emails_cache_name on public.sender_emails_cache (workspace_name, email_address);

create table public.campaigns (
  id uuid primary key default gen_random_uuid(),
  bison_key text not null unique,
  workspace_name text,
  bison_instance text check (bison_instance = lower(bison_instance)),
  bison_workspace_id integer,
  bison_campaign_id bigint,
  campaign_name text,
  status text,
  is_active boolean generated always as (coalesce(status in ('active', 'launching', 'queued'), false)) stored,
  campaign_type text,
  completion_percentage numeric,
  emails_sent integer,
  opened integer,
  unique_opens integer,
  replied integer,
  unique_replies integer,
  bounced integer,
  unsubscribed integer,
  interested integer,
  total_leads integer,
  total_leads_contacted integer,
  max_emails_per_day integer,
  max_new_leads_per_day integer,
  open_tracking boolean,
  tags text[],
  vendor_created_at timestamptz,
  vendor_updated_at timestamptz,
  emails_scheduled_today integer,
  emails_scheduled_tomorrow integer,
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index campaigns_workspace on public.campaigns (bison_instance, bison_workspace_id);
create index campaigns_name on public.campaigns (workspace_name, campaign_name);

create table public.lead_replies (
  id uuid primary key default gen_random_uuid(),
  bison_key text not null unique,
  workspace_name text,
  bison_instance text check (bison_instance = lower(bison_instance)),
  bison_workspace_id integer,
  bison_reply_id text,
  bison_reply_numeric_id bigint,
  bison_lead_id bigint,
  bison_campaign_id bigint,
  original_sender_email_id bigint,
  scheduled_email_id bigint,
  from_name text,
  lead_email text,
  to_email text,
  subject text,
  reply_text text,
  reply_date timestamptz,
  folder text,
  reply_type text,
  is_interested boolean,
  is_automated boolean,
  is_tracked boolean,
  is_read boolean,
  vendor_created_at timestamptz,
  vendor_updated_at timestamptz,
  -- Only what the vendor says. That a reply is not marked as interested says nothing of its tone.
  bison_sentiment text generated always as (case when is_interested then 'positive' end) stored,
  sentiment text generated always as (case when is_interested then 'positive' end) stored,
  sentiment_source text generated always as (case when is_interested then 'bison' end) stored,
  is_handled boolean not null default false,
  handled_at timestamptz,
  handled_by text,
  needs_review boolean not null default false,
  extra jsonb not null default '{}',
  _stamp text collate "C" not null,
  _stamps jsonb,
  last_synced_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index lead_replies_workspace on public.lead_replies (bison_instance, bison_workspace_id, bison_campaign_id);
create index lead_replies_reply on public.lead_replies (bison_reply_id);
create index lead_replies_lead on public.lead_replies (bison_instance, bison_workspace_id, bison_lead_id);
create index lead_replies_recent on public.lead_replies (workspace_name, reply_date desc);
create index lead_replies_interested on public.lead_replies (workspace_name, reply_date desc) where is_interested;
