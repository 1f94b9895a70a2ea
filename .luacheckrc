-- luacheck plugins tests: the Lua of the plug-ins, and the hosts that stand in for DAWs
std = "lua53"
max_line_length = 150

files["plugins/ardour"] = {
    globals = { "ardour", "factory", "icon" },
    read_globals = { "ARDOUR", "C", "Cairo", "Editing", "Editor", "LuaDialog", "Session", "Temporal" },
    ignore = { "212" }, -- what Ardour passes and an action needs not
    max_line_length = false, -- what it shows is on one line
}
files["plugins/reaper"] = { read_globals = { "reaper" } }
files["tests/plugins"] = { globals = { "reaper" } }
