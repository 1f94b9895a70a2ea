-- @description melodylc: make a melody in the time selection
local here = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(here .. "melodylc.lua").make()
