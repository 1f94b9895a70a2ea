-- @description melodylc: make the time selection anew, within the selected item
local here = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(here .. "melodylc.lua").infill()
