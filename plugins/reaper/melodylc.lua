-- What the three actions beside this file share: melodies of melodylc in and out of Reaper's MIDI items.
-- Reaper's own time is in seconds, melodies are in quarter notes from the beginning of their first bar.

local PROGRAM = [[@MELODYLC@]] -- melodylc plugin install reaper writes here where it is
local PATIENCE = 300000 -- milliseconds: a search for a rare rule takes its time
local PROJECT = 0 -- the one that is open
local NEAR = 1e-3 -- quarter notes: Reaper's seconds are not exact
local DUPLICATE_TAKE, UNPOOL_TAKE = 40639, 41613 -- Reaper's numbers of "Take: Duplicate active take" and "remove from pool"

local here = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local json = dofile(here .. "melodylc_json.lua")

local function fail(text, ...) error(text:format(...), 0) end

-- Asking -------------------------------------------------------------------------------------------------------------

local function write(path, text)
  local file, why = io.open(path, "wb")
  if not file then fail("Reaper cannot write %s: %s", path, why) end
  file:write(text)
  file:close()
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

-- Returns the melodies that answer a question. What the user typed is in a file: no shell reads it.
local function ask(question)
  local folder = reaper.GetResourcePath() .. "/melodylc"
  if folder:find('"', 1, true) then fail("Reaper's folder has a quotation mark in its name: %s", folder) end
  reaper.RecursiveCreateDirectory(folder, 0)
  local asked, answered = folder .. "/ask.json", folder .. "/answer.json"
  os.remove(answered)
  question.id = ("%d %.6f"):format(os.time(), os.clock()) -- one that was given up may still be answered
  write(asked, json.encode(question))
  local command = ('%s bridge --ask "%s" --answer "%s"'):format(PROGRAM, asked, answered)
  local said = reaper.ExecProcess(command, PATIENCE)
  local text = read(answered)
  local answer = text and json.decode(text)
  if not answer or answer.id ~= question.id then
    local last = (said or ""):gsub("%s+$", ""):match("\n([^\n]+)$")
    fail("No melody: %s", last or "melodylc did not start, or took too long. Is it still installed? " .. PROGRAM)
  end
  if answer.error then fail("%s", answer.error) end
  return answer.melodies
end

-- Time ---------------------------------------------------------------------------------------------------------------

local function quarters_at(seconds) return reaper.TimeMap2_timeToQN(PROJECT, seconds) end

local function to_sixteenth(quarters) return math.floor(quarters * 4 + 0.5) / 4 end

-- Returns where the bar begins that holds `from`, and how many bars it takes from there to reach `to`.
local function bars_of(from, to)
  local _, beginning = reaper.TimeMap_QNToMeasures(PROJECT, from + NEAR)
  local at, bars = beginning, 0
  while at < to - NEAR do
    local measure, first, last = reaper.TimeMap_QNToMeasures(PROJECT, at + NEAR)
    if math.abs(last - first - 4) > NEAR then
      fail("Melodies are in 4/4, and bar %d has %g quarter notes.", measure, last - first)
    end
    at, bars = last, bars + 1
  end
  return beginning, bars
end

-- Returns the time selection in quarter notes, nil where there is none.
local function time_selection()
  local from, to = reaper.GetSet_LoopTimeRange(false, false, 0, 0, false)
  if to <= from then return nil end
  return quarters_at(from), quarters_at(to)
end

-- Notes --------------------------------------------------------------------------------------------------------------

-- Returns the selected MIDI item, its active take, where it begins and ends.
local function selected_item()
  if reaper.CountSelectedMediaItems(PROJECT) ~= 1 then fail("Select one MIDI item first: its notes are the melody.") end
  local item = reaper.GetSelectedMediaItem(PROJECT, 0)
  local take = reaper.GetActiveTake(item)
  if not take or not reaper.TakeIsMIDI(take) then fail("The selected item has no MIDI in its active take.") end
  local position = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  local from = quarters_at(position)
  local to = quarters_at(position + reaper.GetMediaItemInfo_Value(item, "D_LENGTH"))
  local source, in_quarters = reaper.GetMediaSourceLength(reaper.GetMediaItemTake_Source(take))
  local rate = reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
  if in_quarters and reaper.GetMediaItemInfo_Value(item, "B_LOOPSRC") == 1 and to - from > source / rate + NEAR then
    fail("The item repeats its source; glue it first (Item: Glue items), so that every note is there.")
  end
  return item, take, from, to
end

-- Returns the notes of a take that are heard between `from` and `to`, counted from `origin`, in their order in the take.
local function notes_of(take, from, to, origin)
  local notes = {}
  local _, count = reaper.MIDI_CountEvts(take)
  for index = 0, count - 1 do
    local _, _, muted, first, last, channel, pitch, velocity = reaper.MIDI_GetNote(take, index)
    local start, stop = reaper.MIDI_GetProjQNFromPPQPos(take, first), reaper.MIDI_GetProjQNFromPPQPos(take, last)
    stop = math.min(stop, to)
    if not muted and start >= from - NEAR and start < to - NEAR and stop > start then
      notes[#notes + 1] = { index = index, pitch = pitch, start = start - origin, stop = stop - origin,
        velocity = velocity, channel = channel }
    end
  end
  return notes
end

-- Returns notes as the bridge has them.
local function as_melody(notes)
  if #notes == 0 then fail("The selected item has no notes there.") end
  local melody = {}
  for index, note in ipairs(notes) do
    melody[index] = { note.pitch, note.start, note.stop - note.start, note.velocity }
  end
  return melody
end

local function ppq(take, quarters)
  return math.floor(reaper.MIDI_GetPPQPosFromProjQN(take, quarters) + 0.5)
end

local function insert(take, origin, note, channel)
  local pitch, start, length, velocity = table.unpack(note)
  local first, last = ppq(take, origin + start), ppq(take, origin + start + length)
  reaper.MIDI_InsertNote(take, false, false, first, last, channel, pitch, velocity or 96, true)
end

-- Makes a copy of the active take, a new one, active and with notes of its own; the item must be the selected one.
local function another_take(item, name)
  local known = {}
  for index = 0, reaper.CountTakes(item) - 1 do known[reaper.GetMediaItemTake(item, index)] = true end
  reaper.Main_OnCommand(DUPLICATE_TAKE, 0)
  for index = 0, reaper.CountTakes(item) - 1 do
    local take = reaper.GetMediaItemTake(item, index)
    if not known[take] then
      reaper.SetActiveTake(take)
      reaper.Main_OnCommand(UNPOOL_TAKE, 0) -- else the notes of the take before would change with it
      reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true)
      return take
    end
  end
  fail("Reaper made no new take.")
end

-- Returns whether a note begins in a stretch: on its sixteenth, which people play a little before or after. Where the item
-- ends with the bars of the stretch, no bar follows to which its last notes could belong.
local function is_in(stretch, start)
  local onset = to_sixteenth(start)
  if stretch.ends_item then onset = math.min(onset, stretch.bars * 4 - 0.25) end
  return onset >= stretch.from and onset < stretch.to
end

-- Replaces the notes of a take that begin in a stretch by those of a melody there. A stretch goes from `from` to `to`,
-- counted from its `origin`, the beginning of the first of its `bars`; notes outside stay as they are.
local function replace(take, item_from, item_to, stretch, melody)
  local channel = 0
  local notes = notes_of(take, item_from, item_to, stretch.origin)
  if notes[1] then channel = notes[1].channel end
  for index = #notes, 1, -1 do -- from the last: indices before one that goes stay
    if is_in(stretch, notes[index].start) then reaper.MIDI_DeleteNote(take, notes[index].index) end
  end
  for _, note in ipairs(melody) do
    if is_in(stretch, note[2]) then insert(take, stretch.origin, note, channel) end
  end
  reaper.MIDI_Sort(take)
end

-- Dialogs ------------------------------------------------------------------------------------------------------------

local function whole(name, text)
  local value = math.tointeger(tonumber(text))
  return value or fail("%s: expected a whole number, got %s", name, text)
end

local function real(name, text)
  local value = tonumber((text:gsub(",", ".")))
  return value or fail("%s: expected a number, got %s", name, text)
end

local function yes_or_no(name, text)
  local answers = { yes = true, y = true, no = false, n = false }
  local answer = answers[text:lower()]
  if answer == nil then fail("%s: expected yes or no, got %s", name, text) end
  return answer
end

local function several(_, text)
  local list = {}
  for each in text:gmatch("[^;]+") do
    if each:find("%S") then list[#list + 1] = each:match("^%s*(.-)%s*$") end
  end
  return list
end

local function plain(_, text) return text end

-- By their names in the bridge's questions: what the dialog says (without commas), what is there at first, and how it
-- is read.
local FIELDS = {
  key = { "Key (C major; F# dorian)", "", plain },
  notes = { "At least so many notes in 16 bars", "", whole },
  at_most = { "At most so many notes in 16 bars", "", whole },
  range = { "Range (C4-G5)", "", plain },
  rules = { "Rules (with ; between them)", "", several },
  chords = { "Chords (C | Am | F | G)", "", plain },
  strict = { "Guarantee key and range (yes or no)", "no", yes_or_no },
  amount = { "How far from it (0 to 1)", "0.25", real },
  keep = { "Keep (rhythm or pitches or nothing)", "", plain },
}

local COMMON = { "key", "notes", "at_most", "range", "rules", "chords", "strict" }

-- Shows a dialog of some fields and the common ones; returns a question with what was typed, nil if it was cancelled.
-- What was typed is there the next time. The bridge knows the key of a melody that is given: "own".
local function asked(title, kind, own)
  local key = kind == "generate" and "C major" or "own"
  local names, captions, values = table.move(COMMON, 1, #COMMON, #own + 1, { table.unpack(own) }), {}, {}
  for index, name in ipairs(names) do
    captions[index], values[index] = FIELDS[name][1], name == "key" and key or FIELDS[name][2]
    local before = kind .. "." .. name
    if reaper.HasExtState("melodylc", before) then values[index] = reaper.GetExtState("melodylc", before) end
  end
  captions[#captions + 1] = "extrawidth=160,separator=\n" -- keys and rules have commas in them
  local agreed, typed = reaper.GetUserInputs("melodylc: " .. title, #names, table.concat(captions, ","),
    table.concat(values, "\n"))
  if not agreed then return nil end
  local question, index = { ["do"] = kind }, 0
  for text in (typed .. "\n"):gmatch("([^\n]*)\n") do
    index = index + 1
    local name = names[index]
    if not name then break end
    text = text:match("^%s*(.-)%s*$")
    reaper.SetExtState("melodylc", kind .. "." .. name, text, true)
    if text ~= "" and text ~= "nothing" then question[name] = FIELDS[name][3](name, text) end
  end
  return question
end

-- The actions --------------------------------------------------------------------------------------------------------

-- Changes the project: one step to undo, and none at all if it fails.
local function change(title, edit)
  reaper.Undo_BeginBlock()
  reaper.PreventUIRefresh(1)
  local done, why = pcall(edit)
  reaper.PreventUIRefresh(-1)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("melodylc: " .. title, -1)
  if not done then
    reaper.Undo_DoUndo2(PROJECT)
    error(why, 0)
  end
end

local function told(melody)
  if not melody.kept and (melody.why or "") ~= "" then
    reaper.MB("Not everything asked for is kept: " .. melody.why, "melodylc", 0)
  end
end

-- Returns an action that says in a message what went wrong, if anything.
local function action(steps)
  return function()
    local done, why = pcall(steps)
    if not done then reaper.MB(tostring(why), "melodylc", 0) end
  end
end

local actions = {}

-- Returns the stretch from `from` to `to` of the project, at sixteenths, in an item that ends at `item_to`.
local function stretch_of(from, to, origin, bars, item_to)
  return { origin = origin, bars = bars, ends_item = item_to <= origin + bars * 4 + NEAR,
    from = to_sixteenth(from - origin), to = math.min(to_sixteenth(to - origin), bars * 4) }
end

actions.infill = action(function()
  local item, take, from, to = selected_item()
  local first, last = time_selection()
  if not first then fail("Select the time that is to be made anew, within the item.") end
  local origin, bars = bars_of(from, to)
  local stretch = stretch_of(math.max(first, from), math.min(last, to), origin, bars, to)
  if stretch.from >= stretch.to then
    fail("The time selection does not overlap the selected item by a sixteenth note or more.")
  end
  local melody = as_melody(notes_of(take, from, to, origin))
  local question = asked("make the time selection anew", "infill", { "keep" })
  if not question then return end
  question.melody, question.bars, question.remake = melody, bars, { { stretch.from, stretch.to } }
  local made = ask(question)[1]
  change("make the time selection anew", function()
    replace(another_take(item, "melodylc infill"), from, to, stretch, made.notes)
  end)
  told(made)
end)

actions.vary = action(function()
  local item, take, from, to = selected_item()
  local begin, stop = from, to
  local first, last = time_selection()
  if first and math.min(last, to) - math.max(first, from) >= 0.25 then -- only what is selected of the item
    begin, stop = math.max(first, from), math.min(last, to)
  end
  local origin, bars = bars_of(begin, stop)
  local stretch = stretch_of(begin, stop, origin, bars, to)
  local varied = {}
  for _, note in ipairs(notes_of(take, from, to, origin)) do
    if is_in(stretch, note.start) then varied[#varied + 1] = note end
  end
  local melody = as_melody(varied)
  local question = asked("vary", "vary", { "amount" })
  if not question then return end
  question.melody, question.bars = melody, bars
  local made = ask(question)[1]
  change("vary", function() replace(another_take(item, "melodylc vary"), from, to, stretch, made.notes) end)
  told(made)
end)

actions.make = action(function()
  local track = reaper.GetSelectedTrack(PROJECT, 0)
  if not track then fail("Select a track first: the melody goes there.") end
  local from, to = time_selection()
  if not from then -- 16 bars, from that of the cursor
    from = bars_of(quarters_at(reaper.GetCursorPosition()), 0)
    to = from + 64
  end
  local origin, bars = bars_of(from, to)
  local question = asked("make a melody", "generate", {})
  if not question then return end
  question.bars = bars
  local made = ask(question)[1]
  change("make a melody", function()
    local item = reaper.CreateNewMIDIItemInProj(track, origin, origin + bars * 4, true)
    local take = reaper.GetActiveTake(item)
    for _, note in ipairs(made.notes) do insert(take, origin, note, 0) end
    reaper.MIDI_Sort(take)
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "melodylc", true)
    reaper.SelectAllMediaItems(PROJECT, false)
    reaper.SetMediaItemSelected(item, true) -- for the other actions
  end)
  told(made)
end)

if here and select(2, reaper.get_action_context()):match("melodylc%.lua$") then
  reaper.MB("Load the three actions beside this file: melodylc_infill, melodylc_vary and melodylc_make.", "melodylc", 0)
end

return actions
