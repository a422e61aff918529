-- What people do to leads. Each returns the lead as it is then; each names who did it, or the login where it does not.

create function portal.lead_or_fail(p_lead uuid) returns public.client_leads language plpgsql as $$
declare
  l public.client_leads;
begin
  select * into l from public.client_leads where id = p_lead for update;
  if not found then raise exception 'there is no lead %', p_lead using errcode = 'P0002'; end if;
  return l;
end
$$;

create function portal.check_stage(stage text) returns void language plpgsql immutable as $$
begin
  if portal.stage_rank(stage) is null then
    raise exception 'there is no stage "%"', stage using errcode = '22023',
      hint = 'One of: new, replied, interested, quoting, follow-up, won, lost, unsubscribed, bounced';
  end if;
end
$$;

-- To any stage, up or down; `slot` is the place in its column. A lead is won with `win_lead`, which asks for what that
-- needs.
create function public.move_lead(lead uuid, stage text, slot integer default null, actor text default portal.who())
returns public.client_leads language plpgsql as $$
declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  perform portal.check_stage(stage);
  if stage = 'won' and (l.premium_amount is null or l.policy_type is null) then
    raise exception 'a lead is won with a premium and a policy type: use win_lead' using errcode = '23514';
  end if;
  update public.client_leads set human_stage = stage, human_stage_at = clock_timestamp(), human_stage_by = actor,
    pipeline_position = coalesce(slot, pipeline_position)
  where id = lead returning * into l;
  return l;
end
$$;

create function public.win_lead(lead uuid, premium numeric, policy text, actor text default portal.who())
returns public.client_leads language plpgsql as $$
declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  if premium is null or policy is null then
    raise exception 'a lead is won with a premium and a policy type' using errcode = '23514';
  end if;
  update public.client_leads set premium_amount = premium, policy_type = policy, human_stage = 'won',
    human_stage_at = clock_timestamp(), human_stage_by = actor
  where id = lead returning * into l;
  return l;
end
$$;

create function public.note_lead(lead uuid, notes text) returns public.client_leads language plpgsql as $$
declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads as c set notes = note_lead.notes where c.id = lead returning * into l;
  return l;
end
$$;

create function public.assign_lead(lead uuid, to_user uuid, to_name text, actor text default portal.who())
returns public.client_leads language plpgsql as $$
declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads set assigned_to_user_id = to_user, assigned_to_name = to_name, assigned_by_user_id = actor,
    assigned_at = case when to_user is null and to_name is null then null else clock_timestamp() end
  where id = lead returning * into l;
  return l;
end
$$;

-- Contact fields that people may correct. What is corrected stays, whatever the vendor says later; null gives the
-- field back to the vendor.
create function portal.check_edits(changes jsonb) returns void language plpgsql immutable as $$
declare
  unknown text;
begin
  select string_agg(k, ', ') into unknown from jsonb_object_keys(changes) as k
  where k <> all (array['first_name', 'last_name', 'phone', 'address', 'city', 'state', 'zip', 'title', 'company',
    'renewal', 'birthday']);
  if unknown is not null then raise exception 'no contact field: %', unknown using errcode = '22023'; end if;
end
$$;

create function public.edit_lead(lead uuid, changes jsonb) returns public.client_leads language plpgsql as $$
declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  perform portal.check_edits(changes);
  update public.client_leads set edits = jsonb_strip_nulls(edits || changes) where id = lead returning * into l;
  return l;
end
$$;

create function public.delete_lead(lead uuid, reason text default null, actor text default portal.who())
returns public.client_leads language plpgsql as $$
declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads set deleted_at = coalesce(deleted_at, clock_timestamp()), deleted_by_user_id = actor,
    deletion_reason = reason
  where id = lead returning * into l;
  return l;
end
$$;

create function public.restore_lead(lead uuid) returns public.client_leads language plpgsql as $$
declare
  l public.client_leads := portal.lead_or_fail(lead);
begin
  update public.client_leads set deleted_at = null, deleted_by_user_id = null, deletion_reason = null
  where id = lead returning * into l;
  return l;
end
$$;

-- A lead that the vendor does not know. It is shown on the board and counts as no interest of the vendor's. One e-mail
-- is one lead of a workspace: an error says where there is one, deleted or not.
create function public.add_lead(
  workspace text, email text, details jsonb default '{}', stage text default 'interested', actor text default portal.who()
) returns public.client_leads language plpgsql as $$
declare
  l public.client_leads;
  v_scope text;
  v_email text := lower(btrim(email));
begin
  perform portal.check_stage(stage);
  perform portal.check_edits(details);
  select scope into v_scope from portal.scopes where workspace_name = btrim(workspace);
  if v_scope is null then
    raise exception 'there is no workspace "%"', workspace using errcode = '22023';
  end if;
  select * into l from public.client_leads where scope = v_scope and lead_email = v_email;
  if found then
    raise exception 'there is a lead with this e-mail already: %', l.id using errcode = '23505',
      hint = case when l.deleted_at is null then 'Change that one' else 'It is deleted: restore it with restore_lead' end;
  end if;
  insert into public.client_leads (scope, workspace_name, lead_email, edits, is_manual, date_received, human_stage,
    human_stage_at, human_stage_by)
  values (v_scope, btrim(workspace), v_email, jsonb_strip_nulls(details), true, clock_timestamp(), stage,
    clock_timestamp(), actor)
  returning * into l;
  return l;
end
$$;
