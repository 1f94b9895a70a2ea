-- JSON as melodylc bridge has it: `encode` and `decode`. Tables with something at [1], and empty ones, are lists.

local json = {}

local short = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quoted(text)
  return '"' .. text:gsub('[\0-\31"\\]', function(c)
    return short[c] or string.format("\\u%04x", c:byte())
  end) .. '"'
end

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then
    error("JSON has no such number: " .. tostring(value), 0)
  end
  if math.type(value) == "integer" then return string.format("%d", value) end
  return (string.format("%.14g", value):gsub(",", ".")) -- some languages write 0,5
end

-- Returns the JSON text of nested tables, strings, numbers and booleans; keys are sorted.
function json.encode(value)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "number" then return number(value) end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "table" then error("JSON has no " .. kind, 0) end
  local parts = {}
  if value[1] ~= nil or next(value) == nil then
    for index, each in ipairs(value) do parts[index] = json.encode(each) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for index, name in ipairs(names) do parts[index] = quoted(name) .. ":" .. json.encode(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function wrong(text, at)
  error(string.format("no JSON at byte %d: %s", at, text:sub(at, at + 20)), 0)
end

local function skipped(text, at) return text:find("[^ \t\r\n]", at) or #text + 1 end

local long = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

-- The character of an escape, and where the text goes on behind it.
local function escaped(text, at)
  local letter = text:sub(at + 1, at + 1)
  if letter ~= "u" then
    if not long[letter] then wrong(text, at) end
    return long[letter], at + 2
  end
  local code = tonumber(text:match("^%x%x%x%x", at + 2) or wrong(text, at), 16)
  local second = text:match("^\\u([dD][c-fC-F]%x%x)", at + 6)
  if code >= 0xD800 and code < 0xDC00 and second then -- the two halves of UTF-16
    return utf8.char(0x10000 + (code - 0xD800) * 0x400 + tonumber(second, 16) - 0xDC00), at + 12
  end
  return utf8.char(code), at + 6
end

local function text_at(text, at)
  local parts, from = {}, at + 1
  while true do
    local stop = text:find('["\\\0-\31]', from)
    local found = stop and text:sub(stop, stop)
    if found ~= '"' and found ~= "\\" then wrong(text, at) end
    parts[#parts + 1] = text:sub(from, stop - 1)
    if found == '"' then return table.concat(parts), stop + 1 end
    parts[#parts + 1], from = escaped(text, stop)
  end
end

local value_at

local function list_at(text, at)
  local list, count = {}, 0
  at = skipped(text, at + 1)
  if text:sub(at, at) == "]" then return list, at + 1 end
  while true do
    count = count + 1
    list[count], at = value_at(text, at)
    at = skipped(text, at)
    local mark = text:sub(at, at)
    if mark == "]" then return list, at + 1 end
    if mark ~= "," then wrong(text, at) end
    at = at + 1
  end
end

local function object_at(text, at)
  local object, name = {}
  at = skipped(text, at + 1)
  if text:sub(at, at) == "}" then return object, at + 1 end
  while true do
    at = skipped(text, at)
    if text:sub(at, at) ~= '"' then wrong(text, at) end
    name, at = text_at(text, at)
    at = skipped(text, at)
    if text:sub(at, at) ~= ":" then wrong(text, at) end
    object[name], at = value_at(text, at + 1)
    at = skipped(text, at)
    local mark = text:sub(at, at)
    if mark == "}" then return object, at + 1 end
    if mark ~= "," then wrong(text, at) end
    at = at + 1
  end
end

local words = { { "true", true }, { "false", false }, { "null", nil } }

function value_at(text, at)
  at = skipped(text, at)
  local first = text:sub(at, at)
  if first == '"' then return text_at(text, at) end
  if first == "[" then return list_at(text, at) end
  if first == "{" then return object_at(text, at) end
  for _, word in ipairs(words) do
    if text:sub(at, at + #word[1] - 1) == word[1] then return word[2], at + #word[1] end
  end
  local digits = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  local value = digits and tonumber(digits)
  if not value then wrong(text, at) end
  return value, at + #digits
end

-- Returns what a JSON text says; null is nil. Text that is no JSON is an error.
function json.decode(text)
  local value, at = value_at(text, 1)
  at = skipped(text, at)
  if at <= #text then wrong(text, at) end
  return value
end

return json
