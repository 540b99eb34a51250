-- The requests of one scenario: wrk -s wrk.lua URL -- SCENARIO USERS REQUESTS SALT
-- "each": every user in turn; else any of them. REQUESTS is 0 if wrk ends by itself. SALT makes
-- the Idempotency-Keys of this run new.

local build, users, wanted, salt
local threads, sent = {}, 0
answered, failed = 0, 0 -- global, as done() asks for them

local function to_user(user, method, path, body, key)
   local headers = { Authorization = "Basic key-" .. user, ["Idempotency-Key"] = key }
   if body then
      headers["Content-Type"] = "application/x-www-form-urlencoded"
   end
   return wrk.format(method, "/api/order" .. path, headers, body)
end

local function any() return math.random(users) end
local function each() return sent % users + 1 end

local function show() return to_user(any(), "GET", "") end

local function add(user, product, key)
   return to_user(user, "POST", "/add-item", "product_id=" .. product .. "&qty=1", key)
end

local function checkout(user) return to_user(user, "POST", "/checkout") end

local scenarios = {
   ["/healthz"] = function() return wrk.format("GET", "/healthz") end,
   ["show"] = show,
   ["add to a line"] = function() return add(any(), math.random(5)) end,
   ["add a new line"] = function() return add(each(), 6) end,
   ["first add"] = function() return add(each(), 1) end,
   ["checkout"] = function() return checkout(each()) end,
   ["add with a key"] = function() return add(any(), math.random(5), salt .. sent) end,
   ["the same again"] = function() return add(any(), 1, "again") end,
   ["one cart"] = function() return add(1, math.random(5)) end,
   ["mix"] = function()
      local chance = math.random(100)
      if chance <= 70 then return show() end
      if chance <= 95 then return add(any(), math.random(5)) end
      return checkout(any())
   end,
}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   build, users, wanted, salt = scenarios[args[1]], tonumber(args[2]), tonumber(args[3]), args[4]
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
   local failures = errors.connect + errors.read + errors.write + errors.timeout
   local fewest = math.huge
   for _, thread in ipairs(threads) do
      failures = failures + thread:get("failed")
      fewest = math.min(fewest, thread:get("answered"))
   end
   io.stdout:write(string.format(
      '{"answered": %d, "seconds": %f, "p50": %f, "p99": %f, "errors": %d, "fewest": %d}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failures, fewest))
end
