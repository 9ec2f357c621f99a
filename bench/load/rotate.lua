-- Sends one of many sessions in turn: one `Cookie` header a line in the file that is named after `--`.
local requests, turn = {}, 0

function init(arguments)
  for cookie in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", "/api/me", { Cookie = cookie })
  end
  turn = math.random(#requests)
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
