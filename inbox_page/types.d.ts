// What the page's modules pass to each other; `tsc` checks them, and no browser needs it.

interface Conversation {
  uid: string;
  title: string;
  follow_up: boolean;
  follow_up_date: string | null;
  follow_up_message: string;
  follow_up_text: string;
  business_unread: boolean;
  spam: boolean;
  archived: boolean;
  deleted: boolean;
  last_user_action_at: string | null;
  last_user_action_at_h: string;
  last_client_action_at: string | null;
  last_client_action_at_h: string;
  message_count: number;
  last_message: { text: string; message_of: 'client' | 'staff' | 'system' } | null;
  client: { uid: string; first_name: string; last_name: string };
  staff: { uid: string; display_name: string };
}

interface Message {
  uid: string;
  text: string;
  direction: string;
  created_at: string;
  created_at_h: string;
  staff: { display_name: string } | null;
}

interface StaffMember {
  uid: string;
  display_name: string;
  access: string;
  business_uid: string;
  token: string | null;
}

interface Sandbox {
  name: string;
  now: string;
  frozen: boolean;
  you: StaffMember | null;
  business: { uid: string; name: string; time_zone: string } | null;
  staff: StaffMember[];
  folders: Record<string, number> | null;
}

/** A recent request. */
interface Entry {
  id: number;
  time: string;
  status: number;
  user_agent: string;
  method: string;
  path: string;
  query: string;
  milliseconds: number;
  staff_uid: string | null;
  ignored: string[];
  changed: string[];
  error: string | null;
  body: string | null;
}

/** A request of this page, and its response; the status is 0 where there was none. */
interface Exchange {
  method: string;
  path: string;
  sent: any;
  headers: Record<string, string>;
  token: string;
  status: number;
  ok: boolean;
  body: any;
  response?: Response;
  error: string;
  milliseconds: number;
}

type Fields = Record<string, any>;
type Action = () => unknown;
type PageEvent = 'changed' | 'written' | 'moved';
type Place = { sandbox: string; as: string } | null;
type Send = (method: string, path: string, sent?: any, prefer?: string, bearer?: string) => Promise<Exchange>;

/** `said`: what is said when it is done; `before`: the conversation as it was. */
type Act = (
  method: string, path: string, sent: any, said: string, again: Action, before?: Conversation,
) => Promise<Exchange>;
type Change = (before: Conversation, fields: Fields, said: string, again?: Action) => Promise<boolean>;
type Control = (method: string, path: string, said: string, sent?: Fields) => any;

/** `isNamed`: whether the page's address names the place. */
type Move = (sandbox: string, as: string, isNamed?: boolean) => void;

/** `isOther`: anything may have changed. */
type OnChange = (isOther: boolean) => Promise<void>;
type ReadOpen = (uid?: string, isOther?: boolean) => Promise<void>;
