ardour {
	["type"]    = "EditorAction",
	name        = "melodylc: infill or vary",
	license     = "Apache-2.0",
	author      = "melodylc",
	description = [[
Makes the notes of a MIDI region anew within the selected range, so that they belong to those that stay. Without a range,
varies the selected region. Undo brings the notes back.
]]
}

function factory () return function ()
	local program = [[@MELODYLC@]] -- melodylc plugin install ardour writes here where it is
	local title = "melodylc"
	local ticks_per_quarter = 1920
	local most_bars = 64

	local function say (text)
		LuaDialog.Message (title, text, LuaDialog.MessageType.Warning, LuaDialog.ButtonType.Close):run ()
	end

	-- Ardour 7 has no other way out of Temporal.Beats than their text, such as 3:480
	local function quarters (beats)
		local whole, ticks = tostring (beats):match ("^(%d+):(%d+)$")
		return tonumber (whole) + tonumber (ticks) / ticks_per_quarter
	end

	-- JSON ----------------------------------------------------------------------------------------------------------

	local function json_text (text)
		return '"' .. text:gsub ('[%c"\\]', function (c) return string.format ("\\u%04x", c:byte ()) end) .. '"'
	end

	local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

	-- the value that begins at a place in a text, and the place after it
	local function json_value (text, at)
		at = text:find ("%S", at)
		local first = text:sub (at, at)
		if first == '"' then
			local parts, from = {}, at + 1
			while true do
				local to = text:find ('["\\]', from)
				parts[#parts + 1] = text:sub (from, to - 1)
				if text:sub (to, to) == '"' then return table.concat (parts), to + 1 end
				local escaped = text:sub (to + 1, to + 1)
				if escaped == "u" then
					parts[#parts + 1] = utf8.char (tonumber (text:sub (to + 2, to + 5), 16))
					from = to + 6
				else
					parts[#parts + 1] = escapes[escaped] or escaped
					from = to + 2
				end
			end
		elseif first == "{" or first == "[" then
			local made, key = {}, nil
			at = text:find ("%S", at + 1)
			while not text:find ("^[%]}]", at) do
				if first == "{" then
					key, at = json_value (text, at)
					at = text:find (":", at, true) + 1
				end
				made[key or #made + 1], at = json_value (text, at)
				at = text:find ("[^%s,]", at)
			end
			return made, at + 1
		end
		local word = text:match ("^[%w.+-]+", at)
		local constants = { ["true"] = true, ["false"] = false }
		if constants[word] ~= nil then return constants[word], at + #word end
		return tonumber (word), at + #word -- null is nil
	end

	-- what is selected ----------------------------------------------------------------------------------------------

	local selection = Editor:get_selection ()
	local ranged = selection.time:start_sample () < selection.time:end_sample ()
	local found = {}

	local function add (region)
		local midi = region:to_midiregion ()
		if not midi:isnil () then found[#found + 1] = midi end
	end

	if ranged then
		for route in selection.tracks:routelist ():iter () do
			local track = route:to_track ()
			if not track:isnil () and not track:to_midi_track ():isnil () then
				local touched = track:playlist ():regions_touched (selection.time:start_time (), selection.time:end_time ())
				for region in touched:iter () do add (region) end
			end
		end
	else
		for region in selection.regions:regionlist ():iter () do add (region) end
	end
	if #found ~= 1 then
		say ("Select a range within one MIDI region, which is made anew, or one MIDI region, which is varied; "
			.. #found .. " MIDI regions are selected.")
		return
	end
	local region = found[1]

	-- its notes, in quarter notes from the bar in which it begins ------------------------------------------------------

	local map = Temporal.TempoMap.read ()
	local ends = region:position () + region:length ()
	for _, place in ipairs ({ region:position (), ends }) do
		local meter = map:meter_at (place)
		if meter:divisions_per_bar () ~= 4 or meter:note_value () ~= 4 then
			say ("Melodies have bars of 4/4; the region is in "
				.. meter:divisions_per_bar () .. "/" .. meter:note_value () .. ".")
			return
		end
	end
	local begins = quarters (region:position ():beats ())
	local length = quarters (ends:beats ()) - begins
	local offset = quarters (region:start ():beats ()) -- of the region in its source
	local place = map:bbt_at (region:position ())
	local lead = (place.beats - 1) + place.ticks / ticks_per_quarter -- of the first bar, before the region
	local bars = math.ceil ((lead + length) / 4 - 1e-6)
	if bars > most_bars then
		say ("The region has " .. bars .. " bars, " .. most_bars .. " are the most; split it first.")
		return
	end

	local function identity (pitch, start, lasting, velocity)
		local function ticks (quarter) return math.floor (quarter * ticks_per_quarter + .5) end
		return string.format ("%d %d %d %d", pitch, ticks (start), ticks (lasting), velocity)
	end

	local model = region:midi_source (0):model ()
	local listed, old, channel = {}, {}, nil
	for note in ARDOUR.LuaAPI.note_list (model):iter () do
		local start, lasting = quarters (note:time ()) - offset, quarters (note:length ())
		if start >= 0 and start < length and lasting > 0 then
			channel = channel or note:channel ()
			start = start + lead
			old[identity (note:note (), start, lasting, note:velocity ())] = note
			listed[#listed + 1] = string.format ("[%d,%.9f,%.9f,%d]", note:note (), start, lasting, note:velocity ())
		end
	end

	-- what is asked for -------------------------------------------------------------------------------------------------

	local fields = {
		{ type = "entry", key = "key", title = "Key (own: the region's; empty: any)", default = "own" },
		{ type = "number", key = "notes", title = "At least so many notes in 16 bars (0: any)",
			min = 0, max = 220, step = 1, digits = 0, default = 0 },
		{ type = "entry", key = "range", title = "Range (C4-G5; empty: any)", default = "" },
		{ type = "entry", key = "rule", title = "Rule (leaps(5); empty: none)", default = "" },
	}
	if ranged then
		fields[#fields + 1] = { type = "dropdown", key = "keep", title = "Keep of the range",
			values = { nothing = "", ["the rhythm"] = "rhythm", ["the pitches"] = "pitches" }, default = "nothing" }
	else
		fields[#fields + 1] = { type = "number", key = "amount", title = "How far away (0 to 1)",
			min = 0.05, max = 1, step = .05, digits = 2, default = .25 }
	end
	local asked = LuaDialog.Dialog (title, fields):run ()
	if not asked then return end -- cancelled

	local question = {
		'"do":' .. json_text (ranged and "infill" or "vary"),
		'"melody":[' .. table.concat (listed, ",") .. "]",
		'"bars":' .. bars,
	}
	for _, name in ipairs ({ "key", "range", "keep" }) do
		if asked[name] and asked[name] ~= "" then
			question[#question + 1] = json_text (name) .. ":" .. json_text (asked[name])
		end
	end
	if asked["rule"] ~= "" then question[#question + 1] = '"rules":[' .. json_text (asked["rule"]) .. "]" end
	if asked["notes"] > 0 then question[#question + 1] = '"notes":' .. math.floor (asked["notes"]) end
	if asked["amount"] then question[#question + 1] = string.format ('"amount":%.2f', asked["amount"]) end
	if ranged then
		local from = math.max (quarters (selection.time:start_time ():beats ()) - begins, 0)
		local to = math.min (quarters (selection.time:end_time ():beats ()) - begins, length)
		question[#question + 1] = string.format ('"remake":[%.9f,%.9f]', lead + from, lead + to)
	end

	-- asking --------------------------------------------------------------------------------------------------------------

	local function in_session (name) return ARDOUR.LuaAPI.build_filename (Session:path (), name) end
	local on_windows = Session:path ():sub (1, 1) ~= "/"

	local function quoted (path) -- nothing in the name of a session is for the shell
		if on_windows then return '"' .. path .. '"' end
		return "'" .. path:gsub ("'", "'\\''") .. "'"
	end

	local ask, answer = in_session ("melodylc-question.json"), in_session ("melodylc-answer.json")
	local log = in_session ("melodylc.log")
	os.remove (answer)
	local file = io.open (ask, "w")
	if file == nil then
		say ("The folder of the session cannot be written: " .. ask)
		return
	end
	file:write ("{" .. table.concat (question, ",") .. "}")
	file:close ()
	-- Ardour's own libraries are not for other programs
	local clean = on_windows and "" or "env -u LD_LIBRARY_PATH "
	local command = clean .. program .. " bridge --ask " .. quoted (ask) .. " --answer " .. quoted (answer)
	command = command .. " > " .. quoted (log) .. " 2>&1"
	if on_windows then command = '"' .. command .. '"' end -- cmd takes the outermost ones away
	os.execute (command)
	file = io.open (answer, "r")
	if file == nil then
		file = io.open (log, "r")
		say ("No melody: " .. (file and file:read ("*a") or "it did not start"))
		if file then file:close () end
		return
	end
	local made = json_value (file:read ("*a"), 1)
	file:close ()
	if made["error"] then
		say ("No melody: " .. made["error"])
		return
	end

	-- the notes that are not there any more go, those that are new come; all others are not touched ---------------------

	local change = model:new_note_diff_command (title)
	for _, note in ipairs (made["melodies"][1]["notes"]) do
		local pitch, start, lasting, velocity = note[1], note[2], note[3], note[4]
		local here = identity (pitch, start, lasting, velocity)
		if old[here] then
			old[here] = nil
		elseif start >= lead and start < lead + length then
			local time = Temporal.Beats.from_double (start - lead + offset)
			change:add (ARDOUR.LuaAPI.new_noteptr (channel or 0, time, Temporal.Beats.from_double (lasting), pitch, velocity))
		end
	end
	for _, note in pairs (old) do change:remove (note) end
	model:apply_command (Session, change)
end end

function icon () return function (ctx, width, height, fg)
	local text = Cairo.PangoLayout (ctx, "ArdourMono " .. math.ceil (width * .6) .. "px")
	text:set_text ("m~")
	local w, h = text:get_pixel_size ()
	ctx:set_source_rgba (ARDOUR.LuaAPI.color_to_rgba (fg))
	ctx:move_to (.5 * (width - w), .5 * (height - h))
	text:show_in_cairo_context (ctx)
end end
