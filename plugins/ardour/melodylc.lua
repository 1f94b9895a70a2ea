ardour {
	["type"]    = "EditorAction",
	name        = "melodylc: new melody",
	license     = "Apache-2.0",
	author      = "melodylc",
	description = [[Puts a generated 16-bar melody that keeps a key and a density as a MIDI region on the selected track, at the playhead.]]
}

function factory () return function ()
	local program = [[@MELODYLC@]] -- melodylc plugin install ardour writes here where it is
	local title = "melodylc"

	local function say (text)
		LuaDialog.Message (title, text, LuaDialog.MessageType.Warning, LuaDialog.ButtonType.Close):run ()
	end

	-- the first selected MIDI track
	local target = nil
	for route in Editor:get_selection ().tracks:routelist ():iter () do
		local track = route:to_track ()
		if target == nil and not track:isnil () and not track:to_midi_track ():isnil () then
			target = track
		end
	end
	if target == nil then
		say ("Select a MIDI track first: the melody goes there, at the playhead.")
		return
	end

	local asked = LuaDialog.Dialog (title, {
		{ type = "entry", key = "key", title = "Key (C major, F# dorian, 0,2,4,7,9)", default = "C major" },
		{ type = "number", key = "notes", title = "At least so many notes (0: any)", min = 0, max = 220, step = 1, digits = 0, default = 96 },
		{ type = "checkbox", key = "strict", title = "Guarantee the key (masked decoder)", default = false },
	}):run ()
	if not asked then return end -- cancelled

	-- this goes to a shell: only what a key can be spelt with
	local key = asked["key"]
	if not key:match ("^[%w#, ]+$") then
		say ("A key is spelt with letters, digits, # and commas, such as F# dorian; this is none: " .. key)
		return
	end

	local position = Temporal.timepos_t (Session:transport_sample ())
	local tempo = Temporal.TempoMap.read ():quarters_per_minute_at (position)
	local folder = ARDOUR.LuaAPI.build_filename (Session:path (), "melodylc")
	local command = string.format ('%s generate --key "%s" --count 1 --tempo %.3f --out "%s"', program, key, tempo, folder)
	if asked["notes"] > 0 then
		command = command .. string.format (" --notes %d", math.floor (asked["notes"]))
	end
	if asked["strict"] then
		command = command .. " --strict"
	end
	local log = ARDOUR.LuaAPI.build_filename (Session:path (), "melodylc.log")
	-- Ardour's own libraries are not for other programs
	local clean = ""
	if folder:sub (1, 1) == "/" then clean = "env -u LD_LIBRARY_PATH " end
	os.remove (ARDOUR.LuaAPI.build_filename (folder, "01.mid"))
	os.execute (clean .. command .. ' > "' .. log .. '" 2>&1')

	local path = ARDOUR.LuaAPI.build_filename (folder, "01.mid")
	local made = io.open (path, "rb")
	if made == nil then
		local file = io.open (log, "r")
		local why = file and file:read ("*a") or "it did not start"
		if file then file:close () end
		say ("No melody: " .. why)
		return
	end
	made:close ()

	local files = C.StringVector ()
	files:push_back (path)
	Editor:do_import (files,
		Editing.ImportDistinctFiles, Editing.ImportToTrack, ARDOUR.SrcQuality.SrcBest,
		ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
		position, ARDOUR.PluginInfo (), target, false)
end end

function icon () return function (ctx, width, height, fg)
	local text = Cairo.PangoLayout (ctx, "ArdourMono " .. math.ceil (width * .6) .. "px")
	text:set_text ("ml")
	local w, h = text:get_pixel_size ()
	ctx:set_source_rgba (ARDOUR.LuaAPI.color_to_rgba (fg))
	ctx:move_to (.5 * (width - w), .5 * (height - h))
	text:show_in_cairo_context (ctx)
end end
