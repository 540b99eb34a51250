-- The requests of one scenario: wrk -s wrk.lua URL -- SCENARIO USERS REQUESTS
-- "each": every user in turn; else any of them.

local build, users, wanted, thread
local sent, answered = 0, 0
failed = 0 -- global, as done() asks for it

local function to_user(user, method, path, body)
   local headers = { Authorization = "Basic key-" .. user }
   if body then
      headers["Content-Type"] = "application/x-www-form-urlencoded"
   end
   return wrk.format(method, "/api/order" .. path, headers, body)
end

local function any() return math.random(users) end
local function each() return sent % users + 1 end

local function show() return to_user(any(), "GET", "") end

local function add(user, product)
   return to_user(user, "POST", "/add-item", "product_id=" .. product .. "&qty=1")
end

local function checkout(user) return to_user(user, "POST", "/checkout") end

local scenarios = {
   ["show"] = show,
   ["add to a line"] = function() return add(any(), math.random(5)) end,
   ["add a new line"] = function() return add(each(), 6) end,
   ["first add"] = function() return add(each(), 1) end,
   ["checkout"] = function() return checkout(each()) end,
   ["mix"] = function()
      local chance = math.random(100)
      if chance <= 70 then return show() end
      if chance <= 95 then return add(any(), math.random(5)) end
      return checkout(any())
   end,
}

function setup(only)
   thread = only
end

function init(args)
   build, users, wanted = scenarios[args[1]], tonumber(args[2]), tonumber(args[3])
   math.randomseed(7)
end

function request()
   local text = build()
   sent = sent + 1
   return text
end

function response(status)
   answered = answered + 1
   if status >= 500 then
      failed = failed + 1
   end
   if answered == wanted then -- wrk itself counts seconds only: who started it interrupts it now
      io.stdout:write("enough\n")
      io.stdout:flush()
      wrk.thread:stop()
   end
end

function done(summary, latency)
   local errors = summary.errors
   failed = thread:get("failed") + errors.connect + errors.read + errors.write + errors.timeout
   io.stdout:write(string.format(
      '{"answered": %d, "seconds": %f, "p50": %f, "p99": %f, "errors": %d}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
