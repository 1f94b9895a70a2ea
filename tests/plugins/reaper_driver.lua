-- Opens a project, calls actions one after the other, and writes what became of it: SCRIPTS SCENARIO RESULT ACTION...

local scripts, scenario, result = arg[1], arg[2], arg[3]
local json = dofile(scripts .. "/melodylc_json.lua")
local host = dofile(arg[0]:match("^(.*/)") .. "reaper_api.lua")

local file = assert(io.open(scenario, "rb"))
host.open(json.decode(file:read("a")))
file:close()

for index = 4, #arg do
  if arg[index] == "undo" then
    reaper.Undo_DoUndo2(0)
  else
    host.script = scripts .. "/" .. arg[index] .. ".lua"
    dofile(host.script)
  end
end

local undone = {}
for index, each in ipairs(host.undone) do undone[index] = each.title end
file = assert(io.open(result, "wb"))
file:write(json.encode({ tracks = host.saved(), messages = host.messages, dialogs = host.dialogs, undo = undone,
  commands = host.commands }))
file:close()
