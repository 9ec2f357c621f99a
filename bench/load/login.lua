-- Logs many people in, in turn, each from an address of their own: one body a line in the file that is named after `--`.
local requests, turn = {}, 0

function init(arguments)
  for body in io.lines(arguments[1]) do
    local headers = { ["Content-Type"] = "application/json", ["X-Forwarded-For"] = "10.0.0." .. #requests + 1 }
    requests[#requests + 1] = wrk.format("POST", "/api/login", headers, body)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
