-- Requests of `wrk`: the bodies in the folder BODIES in turn, of the type KIND. It ends with a line
-- of JSON.

local requests, last = {}, 0

function init(args)
  wrk.headers["Content-Type"] = os.getenv("KIND")
  for path in io.popen("ls -v " .. os.getenv("BODIES") .. "/*"):lines() do
    local file = io.open(path, "rb")
    requests[#requests + 1] = wrk.format("POST", "/predict", nil, file:read("*a"))
    file:close()
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format(
    '{"requests": %d, "seconds": %.3f, "refused": %d, "lost": %d, "median": %.1f, "99 %%": %.1f}',
    summary.requests, summary.duration / 1e6, errors.status, lost,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
