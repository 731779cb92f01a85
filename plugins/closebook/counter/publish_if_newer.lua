-- Writes the counter unless Redis has a newer one. KEYS[1]: the counter's key. ARGV[1]: the
-- publication's number, ARGV[2]: the document. Returns the number that Redis has afterwards.
local stored = redis.pcall('GET', KEYS[1])
-- What is no string is no counter. What this user may not read could be a newer one.
if type(stored) == 'table' and stored['err'] then
  if not string.find(stored['err'], 'WRONGTYPE', 1, true) then -- guard: counter.refused-read
    return stored
  end
end
if type(stored) == 'string' then
  local known, publication = pcall(function() return cjson.decode(stored)['publication'] end)
  -- guard: counter.publish-if-newer
  if known and type(publication) == 'number' and publication > tonumber(ARGV[1]) then
    return publication
  end
end
redis.call('SET', KEYS[1], ARGV[2])
return tonumber(ARGV[1])
