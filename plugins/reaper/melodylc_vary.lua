-- @description melodylc: vary the selected item
local here = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(here .. "melodylc.lua").vary()
