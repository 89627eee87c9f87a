-- The requests of wrk: REQUESTS names their kind, or is a path to GET; UIDS has the conversations.

local uids = {}
for uid in string.gmatch(os.getenv("UIDS"), "%w+") do
  uids[#uids + 1] = uid
end
local bodies = {
  '{"business_unread": true}',
  '{"follow_up": true, "follow_up_date": "2099-05-06T10:31:21Z", "follow_up_message": "call %d"}',
  '{"business_unread": false}',
  '{"follow_up": true, "follow_up_date": "2099-05-06T10:%02d:21Z"}',
  '{"follow_up": false, "complete_follow_up": true}',
}
local headers = {
  ["Authorization"] = "Bearer demo-owner",
  ["Content-Type"] = "application/json",
}
local number = 0

local kinds = {}

function kinds.put(path)
  local body = bodies[number % #bodies + 1]:format(number % 60)
  return wrk.format("PUT", path, headers, body)
end

function kinds.get(path)
  return wrk.format("GET", path, headers)
end

function kinds.inbox()
  return wrk.format("GET", "/v2/conversations?folder=inbox", headers)
end

local kind = os.getenv("REQUESTS")
local make = kinds[kind] or function() return wrk.format("GET", kind, headers) end

function request()
  number = number + 1
  return make("/v2/conversations/" .. uids[math.random(#uids)])
end
