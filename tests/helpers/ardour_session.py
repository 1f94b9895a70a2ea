"""A session of Ardour with a MIDI region, and its scripts run in Ardour's own Lua, which needs no screen.

The session, its regions, notes and tempo map are Ardour's own; only the editor (what is selected) and dialogs are
written here, since they need the screen.
"""

import shutil
import subprocess

from midi_io import files
from midi_io.files import Note

TICKS = 1920  # a quarter note
NEW = """
AudioEngine:set_backend ("None (Dummy)", "", "")
Session = create_session ([[{folder}]], "song", 48000)
local midi = ARDOUR.ChanCount (ARDOUR.DataType ("midi"), 1)
local audio = ARDOUR.ChanCount (ARDOUR.DataType ("audio"), 2)
Session:new_midi_track (midi, audio, true, ARDOUR.PluginInfo (), nil, nil, 1, "lead",
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
Session:save_state ("", false, false, false, false, false)
quit ()
"""
# reads what a test has prepared as globals: dialog, range, selected, before
RUN = """
AudioEngine:set_backend ("None (Dummy)", "", "")
Session = load_session ([[{folder}]], "song")
local route = nil
for each in Session:get_tracks ():iter () do if each:name () == "lead" then route = each end end
local playlist = route:to_track ():playlist ()
region = nil
for each in playlist:region_list ():iter () do region = each end
local function quarters (q) return Temporal.timepos_t.from_ticks (math.floor (q * 1920 + .5)) end
{before}
local range = {range}
local none = {{ iter = function () return function () end end }}
Editor = {{ get_selection = function () return {{
    time = {{
        start_sample = function () return range and quarters (range[1]):samples () or 0 end,
        end_sample = function () return range and quarters (range[2]):samples () or 0 end,
        start_time = function () return quarters (range[1]) end,
        end_time = function () return quarters (range[2]) end,
    }},
    tracks = {{ routelist = function () return range and Session:get_tracks () or none end }},
    regions = {{ regionlist = function () return {selected} and playlist:region_list () or none end }},
}} end }}
LuaDialog = {{
    Message = function (_, text) return {{ run = function () print ("SAID " .. text:gsub ("\\n", " ")) end }} end,
    MessageType = {{}}, ButtonType = {{}},
    Dialog = function (_, fields) return {{ run = function ()
        local answers = {{}}
        for _, field in ipairs (fields) do
            answers[field.key] = field.default
            if field.values then answers[field.key] = field.values[field.default] end
            print ("FIELD " .. field.key)
        end
        for key, value in pairs ({dialog}) do answers[key] = value end
        return answers
    end }} end,
}}
ardour = function (about) print ("ABOUT " .. about["type"] .. " " .. about.name) end
assert (loadfile ([[{script}]])) ()
local ok, why = pcall (factory ())
if not ok then print ("FAILED " .. why) end
for note in ARDOUR.LuaAPI.note_list (region:to_midiregion ():midi_source (0):model ()):iter () do
    local time, length = tostring (note:time ()), tostring (note:length ())
    print (string.format ("NOTE %d %s %s %d %d", note:note (), time, length, note:velocity (), note:channel ()))
end
quit ()
"""


def program():
    """Return Ardour's Lua, or None."""
    names = [f"ardour{version}-lua" for version in ("", *range(9, 6, -1))]
    return next(filter(None, map(shutil.which, names)), None)


class Ardour:
    """A session with one MIDI region, of which each run of a script begins anew."""

    def __init__(self, home, name="song"):
        self.home, self.folder = home, home / name
        self._lua(NEW.format(folder=self.folder))

    def _lua(self, script):
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}
        ended = subprocess.run(
            [program()], input=script, capture_output=True, text=True, timeout=120, env=environment, cwd=self.home
        )
        return ended.stdout.splitlines()

    def put(self, notes, at, quarters, offset=0.0, channel=0):
        """Put a region of so many quarter notes at a place in quarter notes, which begins at an offset of its notes."""
        path = self.folder / "interchange" / self.folder.name / "midifiles" / "notes.mid"
        whole = [Note(pitch, start, start + length, velocity) for pitch, start, length, velocity in notes]
        files.write(path, whole, beats=offset + quarters, channel=channel)
        state = self.folder / "song.ardour"
        source = '<Source name="notes.mid" take-id="" type="midi" flags="Writable" id="9001" origin=""/>'
        region = (
            f'<Region name="notes" muted="0" opaque="1" locked="0" start="b{round(offset * TICKS)}" '
            f'length="b{round(quarters * TICKS)}@b{round(at * TICKS)}" sync-position="b0" ancestral-start="b0" '
            'ancestral-length="b0@b0" stretch="1" shift="1" layering-index="0" tags="" contents="0" whole-file="{}" '
            'id="{}" type="midi" first-edit="nothing" source-0="9001" master-source-0="9001"/>'
        )
        text = state.read_text()
        for was, new in (
            ("<Sources/>", f"<Sources>{source}</Sources>"),
            ("<Regions/>", f"<Regions>{region.format(1, 9002)}</Regions>"),
            ('combine-ops="0"/>', f'combine-ops="0">{region.format(0, 9003)}</Playlist>'),
            ('id-counter="', 'id-counter="9'),
        ):
            assert was in text
            text = text.replace(was, new, 1)
        state.write_text(text)

    def run(self, script, *, range_of=None, selected=False, dialog="{}", before=""):
        """Return the notes of the region after a script, what it said, and the fields it asked for."""
        ranged = "nil" if range_of is None else "{{{}, {}}}".format(*range_of)
        filled = {"before": before, "range": ranged, "selected": str(selected).lower(), "dialog": dialog}
        lines = self._lua(RUN.format(folder=self.folder, script=script, **filled))
        told = {kind: [] for kind in ("SAID", "FIELD", "FAILED", "ABOUT")}
        notes = []
        for line in lines:
            kind, _, rest = line.partition(" ")
            if kind in told:
                told[kind].append(rest)
            elif kind == "NOTE":
                pitch, time, length, velocity, channel = rest.split()
                notes.append((int(pitch), _quarters(time), _quarters(length), int(velocity), int(channel)))
        assert not told["FAILED"], told["FAILED"]
        assert told["ABOUT"], lines
        return notes, told["SAID"], told["FIELD"]


def _quarters(text):
    whole, ticks = text.split(":")
    return int(whole) + int(ticks) / TICKS
