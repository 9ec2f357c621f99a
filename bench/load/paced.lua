-- Waits ten milliseconds between two requests of a connection, so that the asking does not saturate the machine itself.
function delay()
  return 10
end
