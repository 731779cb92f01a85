-- Proves that the counter can be written, and changes nothing. KEYS[1]: the counter's key. Returns
-- 'text' if it holds a text, 'none' if it is not there, 'other' if it holds something else.
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'string' then
  redis.call('SET', KEYS[1], stored, 'XX', 'KEEPTTL')
  return 'text'
end
if type(stored) == 'table' and stored['err'] then
  if string.find(stored['err'], 'WRONGTYPE', 1, true) then
    return 'other'
  end
  return stored
end
-- XX: only where there is a value, and there is none. A server that takes no writes says so.
redis.call('SET', KEYS[1], '', 'XX')
return 'none'
