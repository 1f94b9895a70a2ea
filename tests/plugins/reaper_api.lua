-- A Reaper in memory: the functions of ReaScript that the scripts use, as its documentation says they behave. A function
-- that does not exist, a pointer to what is gone, an argument of another type: all are errors.

local PPQ = 960 -- ticks a quarter note

local host = { messages = {}, commands = {}, dialogs = {}, undone = {} }
local state = nil -- what undo brings back: items, takes and sources by their numbers, tracks in order
local handles = {} -- by number: what scripts hold is opaque to them
local ext, block = {}, nil

local function copied(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, each in pairs(value) do copy[name] = copied(each) end
  return copy
end

local function handle(kind, id)
  handles[id] = handles[id] or setmetatable({ kind = kind, id = id }, { __metatable = "userdata" })
  return handles[id]
end

local function new(kind, values)
  state.last = state.last + 1
  state[kind][state.last] = values
  return state.last
end

local function at_time(map, position, by) -- the last entry that begins at or before a position
  local found = map[1]
  for _, each in ipairs(map) do
    if each[by] <= position + 1e-12 then found = each end
  end
  return found
end

-- `scenario`: tempos { {quarters, bpm}, ... }, signatures { {quarters, quarters a bar}, ... }, tracks with items with
-- takes; positions and lengths in quarter notes.
function host.open(scenario)
  state = { last = 0, item = {}, take = {}, source = {}, track = {}, order = {} }
  host.scenario = scenario
  host.tempos, host.signatures = {}, {}
  local seconds, before = 0, nil
  for index, each in ipairs(scenario.tempos or { { 0, 120 } }) do
    if before then seconds = seconds + (each[1] - before.quarters) * 60 / before.bpm end
    before = { quarters = each[1], seconds = seconds, bpm = each[2] }
    host.tempos[index] = before
  end
  local bar = 1
  for index, each in ipairs(scenario.signatures or { { 0, 4 } }) do
    local last = host.signatures[index - 1]
    if last then bar = last.bar + math.ceil((each[1] - last.quarters) / last.length) end
    host.signatures[index] = { quarters = each[1], length = each[2], bar = bar }
  end
  for _, track in ipairs(scenario.tracks or {}) do
    local id = new("track", { items = {}, selected = track.selected or false })
    state.order[#state.order + 1] = id
    for _, item in ipairs(track.items or {}) do
      local made = new("item", { track = id, position = item.position, length = item.length,
        selected = item.selected or false, loops = item.loops ~= false, takes = {}, active = 1 })
      table.insert(state.track[id].items, made)
      for _, take in ipairs(item.takes) do
        local source = new("source", { midi = not take.audio, length = take.length or item.length, notes = {} })
        for index, note in ipairs(take.notes or {}) do
          state.source[source].notes[index] = { first = math.floor(note[2] * PPQ + 0.5),
            last = math.floor((note[2] + note[3]) * PPQ + 0.5), pitch = note[1], velocity = note[4] or 96,
            channel = note[5] or 0, muted = note[6] or false }
        end
        table.insert(state.item[made].takes, new("take", { item = made, source = source, name = take.name or "" }))
      end
    end
  end
end

-- Returns the project as plain tables, positions of notes in quarter notes of the project.
function host.saved()
  local tracks = {}
  for _, id in ipairs(state.order) do
    local items = {}
    for _, item_id in ipairs(state.track[id].items) do
      local item = state.item[item_id]
      local takes = {}
      for index, take_id in ipairs(item.takes) do
        local take = state.take[take_id]
        local notes = {}
        for _, note in ipairs(state.source[take.source].notes) do
          notes[#notes + 1] = { note.pitch, item.position + note.first / PPQ, (note.last - note.first) / PPQ,
            note.velocity, note.channel, note.muted }
        end
        takes[index] = { name = take.name, notes = notes, active = index == item.active }
      end
      items[#items + 1] = { position = item.position, length = item.length, takes = takes, selected = item.selected }
    end
    tracks[#tracks + 1] = { items = items }
  end
  return tracks
end

local function seconds_of(quarters)
  local tempo = at_time(host.tempos, quarters, "quarters")
  return tempo.seconds + (quarters - tempo.quarters) * 60 / tempo.bpm
end

local function quarters_of(seconds)
  local tempo = at_time(host.tempos, seconds, "seconds")
  return tempo.quarters + (seconds - tempo.seconds) * tempo.bpm / 60
end

-- Checks arguments and calls; types are those of ReaScript, with ? what may be nil or left out.
local function checked(name, types, does)
  return function(...)
    local count, wanted = select("#", ...), {}
    for each in types:gmatch("%S+") do wanted[#wanted + 1] = each end
    if count > #wanted then error(name .. ": too many arguments", 2) end
    local given = { ... }
    for index, each in ipairs(wanted) do
      local value, kind = given[index], each:gsub("?", "")
      local fits = type(value) == kind or (kind == "integer" and math.type(value) == "integer")
      if kind == "project" then fits = value == 0 end
      if type(value) == "table" and (kind == "item" or kind == "take" or kind == "track" or kind == "source") then
        fits = value.kind == kind and state[kind][value.id] ~= nil
      end
      if not fits and not (value == nil and each:find("?", 1, true)) then
        error(("%s: argument %d is %s, not %s"):format(name, index, tostring(value), each), 2)
      end
    end
    return does(table.unpack(given, 1, #wanted))
  end
end

local api = {}
local function declare(name, types, does) api[name] = checked(name, types, does) end

-- Items and takes
declare("CountSelectedMediaItems", "project", function() return #host.selected() end)
declare("GetSelectedMediaItem", "project integer", function(_, index)
  local id = host.selected()[index + 1]
  return id and handle("item", id)
end)
declare("SelectAllMediaItems", "project boolean", function(_, selected)
  for _, item in pairs(state.item) do item.selected = selected end
end)
declare("SetMediaItemSelected", "item boolean", function(item, selected) state.item[item.id].selected = selected end)
declare("GetMediaItemInfo_Value", "item string", function(item, name)
  local it = state.item[item.id]
  if name == "D_POSITION" then return seconds_of(it.position) end
  if name == "D_LENGTH" then return seconds_of(it.position + it.length) - seconds_of(it.position) end
  if name == "B_LOOPSRC" then return it.loops and 1.0 or 0.0 end
  error("GetMediaItemInfo_Value: no " .. name)
end)
declare("GetActiveTake", "item", function(item)
  local it = state.item[item.id]
  return it.takes[it.active] and handle("take", it.takes[it.active])
end)
declare("SetActiveTake", "take", function(take)
  local item = state.item[state.take[take.id].item]
  for index, id in ipairs(item.takes) do
    if id == take.id then item.active = index end
  end
end)
declare("CountTakes", "item", function(item) return #state.item[item.id].takes end)
declare("GetMediaItemTake", "item integer", function(item, index)
  local id = state.item[item.id].takes[index + 1]
  return id and handle("take", id)
end)
declare("TakeIsMIDI", "take", function(take) return state.source[state.take[take.id].source].midi end)
declare("GetMediaItemTake_Source", "take", function(take) return handle("source", state.take[take.id].source) end)
declare("GetMediaItemTakeInfo_Value", "take string", function(_, name)
  if name == "D_PLAYRATE" then return 1.0 end
  error("GetMediaItemTakeInfo_Value: no " .. name)
end)
declare("GetMediaSourceLength", "source", function(source) return state.source[source.id].length, true end)
declare("GetSetMediaItemTakeInfo_String", "take string string boolean", function(take, name, value, set)
  if name ~= "P_NAME" then error("GetSetMediaItemTakeInfo_String: no " .. name) end
  if set then state.take[take.id].name = value end
  return true, state.take[take.id].name
end)
declare("CreateNewMIDIItemInProj", "track number number boolean?", function(track, first, last, in_quarters)
  if not in_quarters then first, last = quarters_of(first), quarters_of(last) end
  local item = new("item", { track = track.id, position = first, length = last - first, selected = false, loops = true,
    takes = {}, active = 1 })
  local source = new("source", { midi = true, length = last - first, notes = {} })
  state.item[item].takes[1] = new("take", { item = item, source = source, name = "" })
  table.insert(state.track[track.id].items, item)
  return handle("item", item)
end)
declare("GetSelectedTrack", "project integer", function(_, index)
  for _, id in ipairs(state.order) do
    if state.track[id].selected then
      if index == 0 then return handle("track", id) end
      index = index - 1
    end
  end
end)

function host.selected()
  local found = {}
  for _, track in ipairs(state.order) do
    for _, id in ipairs(state.track[track].items) do
      if state.item[id].selected then found[#found + 1] = id end
    end
  end
  return found
end

declare("Main_OnCommand", "integer integer", function(command)
  host.commands[#host.commands + 1] = command
  for _, id in ipairs(host.selected()) do
    local item = state.item[id]
    local take = state.take[item.takes[item.active]]
    if command == 40639 then -- Take: Duplicate active take; with pooled MIDI both takes have the same notes
      local source = take.source
      if not host.scenario.pooled then source = new("source", copied(state.source[source])) end
      table.insert(item.takes, new("take", { item = id, source = source, name = take.name }))
      item.active = #item.takes
    elseif command == 41613 then -- Item: Remove active take from MIDI source data pool
      take.source = new("source", copied(state.source[take.source]))
    else
      error("Main_OnCommand: no " .. command)
    end
  end
end)

-- MIDI
local function notes_in(take) return state.source[state.take[take.id].source].notes end
local function start_of(take) return state.item[state.take[take.id].item].position end
local function sort(take)
  table.sort(notes_in(take), function(a, b)
    if a.first ~= b.first then return a.first < b.first end
    return a.pitch < b.pitch
  end)
end

declare("MIDI_CountEvts", "take", function(take) return true, #notes_in(take), 0, 0 end)
declare("MIDI_GetNote", "take integer", function(take, index)
  local note = notes_in(take)[index + 1]
  if not note then return false, false, false, 0.0, 0.0, 0, 0, 0 end
  return true, false, note.muted, note.first + 0.0, note.last + 0.0, note.channel, note.pitch, note.velocity
end)
declare("MIDI_InsertNote", "take boolean boolean number number integer integer integer boolean?",
  function(take, _, muted, first, last, channel, pitch, velocity, unsorted)
    if channel < 0 or channel > 15 or pitch < 0 or pitch > 127 or velocity < 1 or velocity > 127 or last <= first then
      error("MIDI_InsertNote: no such note")
    end
    table.insert(notes_in(take), { first = first, last = last, pitch = pitch, velocity = velocity, channel = channel,
      muted = muted })
    if not unsorted then sort(take) end
    return true
  end)
declare("MIDI_DeleteNote", "take integer", function(take, index) return table.remove(notes_in(take), index + 1) ~= nil end)
declare("MIDI_Sort", "take", function(take) sort(take) end)
declare("MIDI_GetProjQNFromPPQPos", "take number", function(take, ticks) return start_of(take) + ticks / PPQ end)
declare("MIDI_GetPPQPosFromProjQN", "take number", function(take, quarters)
  return (quarters - start_of(take)) * PPQ
end)

-- Time
declare("TimeMap2_timeToQN", "project number", function(_, seconds) return quarters_of(seconds) end)
declare("TimeMap_QNToMeasures", "project number", function(_, quarters)
  local signature = at_time(host.signatures, quarters, "quarters")
  local bar = math.floor((quarters - signature.quarters) / signature.length)
  local first = signature.quarters + bar * signature.length
  local last = first + signature.length
  for _, each in ipairs(host.signatures) do -- another signature cuts a bar short
    if each.quarters > first and each.quarters < last then last = each.quarters end
  end
  return signature.bar + bar, first, last
end)
declare("GetSet_LoopTimeRange", "boolean boolean number number boolean", function(set)
  if set then error("GetSet_LoopTimeRange: scripts only read it") end
  local selection = host.scenario.selection or { 0, 0 }
  return seconds_of(selection[1]), seconds_of(selection[2])
end)
declare("GetCursorPosition", "", function() return seconds_of(host.scenario.cursor or 0) end)

-- The program itself
declare("GetResourcePath", "", function() return host.scenario.folder end)
declare("RecursiveCreateDirectory", "string integer", function(path) return os.execute("mkdir -p '" .. path .. "'") end)
declare("MB", "string string integer", function(text)
  host.messages[#host.messages + 1] = text
  return 1
end)
declare("HasExtState", "string string", function(section, name) return ext[section .. "/" .. name] ~= nil end)
declare("GetExtState", "string string", function(section, name) return ext[section .. "/" .. name] or "" end)
declare("SetExtState", "string string string boolean", function(section, name, value) ext[section .. "/" .. name] = value end)
declare("UpdateArrange", "", function() end)
declare("PreventUIRefresh", "integer", function() end)
declare("get_action_context", "", function() return false, host.script, 0, 0, 0, 0, 0 end)

-- The user types what the scenario has for the beginning of a caption, and leaves the rest as it is.
declare("GetUserInputs", "string integer string string", function(title, count, captions, values)
  local names, separator, shown = {}, ",", {}
  for caption in (captions .. ","):gmatch("([^,]*),") do
    if caption:find("^separator=") then separator = caption:match("=(.*)") else names[#names + 1] = caption end
  end
  if count > 16 then error("GetUserInputs: 16 fields at most") end
  for value in (values .. separator):gmatch("(.-)" .. separator) do shown[#shown + 1] = value end
  if #shown ~= count then error(("GetUserInputs: %d fields and %d values"):format(count, #shown)) end
  local typed = host.scenario.typed
  if not typed then return false, values end
  host.dialogs[#host.dialogs + 1] = { title = title, captions = names, shown = copied(shown) }
  for caption, text in pairs(typed) do
    local known = false
    for index = 1, count do
      if names[index]:sub(1, #caption) == caption then shown[index], known = text, true end
    end
    if not known then error("GetUserInputs: no field " .. caption) end
  end
  return true, table.concat(shown, separator)
end)

-- Runs a command as Reaper does, without a shell: quotation marks hold a part together, nothing else is special.
declare("ExecProcess", "string integer", function(command, timeout)
  if timeout < 0 then error("ExecProcess: nothing would be read") end
  local parts, at = {}, 1
  while true do
    at = command:find("%S", at)
    if not at then break end
    local part, stop
    if command:sub(at, at) == '"' then
      part, stop = command:match('"([^"]*)"()', at)
      if not part then error("ExecProcess: a quotation mark is not closed") end
    else
      part, stop = command:match("(%S+)()", at)
    end
    parts[#parts + 1], at = "'" .. part:gsub("'", "'\\''") .. "'", stop
  end
  if not parts[1]:find("/", 1, true) then return nil end -- programs are not searched for
  local pipe = io.popen("exec 2>&1; " .. table.concat(parts, " "))
  local output = pipe:read("a")
  local _, _, code = pipe:close()
  if code == 127 then return nil end -- there is no such program
  return code .. "\n" .. output
end)

-- Undo
declare("Undo_BeginBlock", "", function()
  if block then error("Undo_BeginBlock: one is open") end
  block = copied(state)
end)
declare("Undo_EndBlock", "string integer", function(title)
  if not block then error("Undo_EndBlock: none is open") end
  host.undone[#host.undone + 1] = { title = title, before = block }
  block = nil
end)
declare("Undo_DoUndo2", "project", function()
  local last = table.remove(host.undone)
  if not last then return 0 end
  state = last.before
  return 1
end)

reaper = setmetatable({}, {
  __index = function(_, name) return api[name] or error("reaper." .. name .. " does not exist", 2) end,
  __newindex = function(_, name) error("reaper." .. name .. " is not for scripts to set", 2) end,
})

return host
