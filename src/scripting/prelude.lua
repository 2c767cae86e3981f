-- What scripts and functions see: tables that cannot be changed, and the standard library without what would reach
-- outside of the sandbox. Stock Lua 5.1 has no read-only tables, so each shared table is an empty *proxy* in front of
-- the real one, and the few functions that look past metatables are replaced by ones that know the proxies.
--
-- Argument: the native functions by name. Their errors are opaque values, which native.unwrap makes strings and tables of.
-- Returns the functions that the host calls.
local native = ...

local error, type, tostring, next, select, setmetatable, getmetatable, rawget, rawset =
    error, type, tostring, next, select, setmetatable, getmetatable, rawget, rawset
local raw_pcall, raw_xpcall, raw_pairs, raw_ipairs, setfenv = pcall, xpcall, pairs, ipairs, setfenv
local raw_loadstring, raw_load, raw_collectgarbage = loadstring, load, collectgarbage
local string_byte = string.byte

local READ_ONLY = "Attempt to modify a readonly table"
local hidden = setmetatable({}, { __mode = "k" }) -- proxy -> the real table
local shown = setmetatable({}, { __mode = "k" }) -- proxy -> what getmetatable answers

local function refuse()
    error(READ_ONLY, 2)
end

local function protect(real)
    local proxy = {}
    setmetatable(proxy, { __index = real, __newindex = refuse })
    hidden[proxy] = real
    return proxy
end

local function missing(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local function kind(...)
    if select("#", ...) == 0 then
        return "no value"
    end
    return type((...))
end

local base = {}
for _, name in raw_pairs({
    "assert", "error", "gcinfo", "ipairs", "rawequal", "select", "tonumber", "tostring", "type", "unpack", "_VERSION",
}) do
    base[name] = _G[name]
end

-- A run that is to be given up must not go on because a script catches all errors.
local function caught(ok, ...)
    if ok then
        return ok, ...
    end
    local problem = native.unwrap((...))
    if native.is_given_up() then
        error(problem, 0)
    end
    return false, problem
end

-- To a script's pcall, an error reply is its text.
local function told(ok, ...)
    local problem = ...
    if not ok and type(problem) == "table" then
        local text = problem.err
        if type(text) == "string" or type(text) == "number" then
            return false, text
        end
    end
    return ok, ...
end

function base.pcall(...)
    if select("#", ...) == 0 then
        error("bad argument #1 to 'pcall' (value expected)", 2)
    end
    return told(caught(raw_pcall(...)))
end

function base.xpcall(...)
    if select("#", ...) < 2 then
        error("bad argument #2 to 'xpcall' (value expected)", 2)
    end
    local f, handle = ...
    return caught(raw_xpcall(f, function(problem)
        return handle(native.unwrap(problem))
    end))
end

function base.next(...)
    local t, key = ...
    if type(t) ~= "table" then
        error("bad argument #1 to 'next' (table expected, got " .. kind(...) .. ")", 2)
    end
    return next(hidden[t] or t, key)
end

function base.pairs(...)
    local t = ...
    if type(t) ~= "table" then
        error("bad argument #1 to 'pairs' (table expected, got " .. kind(...) .. ")", 2)
    end
    if hidden[t] then
        return base.next, t, nil
    end
    return next, t, nil
end

function base.rawget(...)
    local t, key = ...
    if type(t) ~= "table" then
        error("bad argument #1 to 'rawget' (table expected, got " .. kind(...) .. ")", 2)
    end
    return rawget(hidden[t] or t, key)
end

function base.rawset(...)
    local t, key, value = ...
    if type(t) ~= "table" then
        error("bad argument #1 to 'rawset' (table expected, got " .. kind(...) .. ")", 2)
    end
    if hidden[t] then
        error(READ_ONLY, 0)
    end
    return rawset(t, key, value)
end

function base.setmetatable(...)
    local t, metatable = ...
    if type(t) ~= "table" then
        error("bad argument #1 to 'setmetatable' (table expected, got " .. kind(...) .. ")", 2)
    end
    if select("#", ...) < 2 or (metatable ~= nil and type(metatable) ~= "table") then
        error("bad argument #2 to 'setmetatable' (nil or table expected)", 2)
    end
    if hidden[t] then
        error(READ_ONLY, 0)
    end
    return setmetatable(t, metatable)
end

local string_metatable = {}

function base.getmetatable(...)
    local value = ...
    if select("#", ...) == 0 then
        error("bad argument #1 to 'getmetatable' (value expected)", 2)
    end
    if type(value) == "string" then
        return string_metatable.proxy
    end
    if type(value) == "table" and hidden[value] then
        return shown[value]
    end
    return getmetatable(value)
end

function base.collectgarbage(what, ...)
    if what == "stop" or what == "restart" or what == "setpause" or what == "setstepmul" then
        return 0
    end
    return raw_collectgarbage(what, ...)
end

-- Compiled chunks could break out of the interpreter: only text is loaded.
local BINARY = "attempt to load a binary chunk"

local function loaders(environment)
    local function loaded(chunk, ...)
        if chunk then
            setfenv(chunk, environment)
        end
        return chunk, ...
    end
    local function loadstring(text, name)
        if type(text) == "string" and string_byte(text, 1) == 27 then
            return nil, BINARY
        end
        return loaded(raw_loadstring(text, name))
    end
    local function load(reader, name)
        local first = true
        return loaded(raw_load(function()
            local piece = reader()
            if first and type(piece) == "string" and piece ~= "" then
                first = false
                if string_byte(piece, 1) == 27 then
                    error(BINARY, 0)
                end
            end
            return piece
        end, name or "=(load)"))
    end
    return loadstring, load
end

-- The standard libraries. Functions that write into tables look past metatables.
local function copy(t, ...)
    local result = {}
    for key, value in raw_pairs(t) do
        result[key] = value
    end
    return result
end

local strings, tables, maths, coroutines = copy(string), copy(table), copy(math), copy(coroutine)
local raw_insert, raw_resume = table.insert, coroutine.resume
function tables.insert(t, ...)
    if hidden[t] then
        error(READ_ONLY, 0)
    end
    if type(t) ~= "table" then
        error("bad argument #1 to 'insert' (table expected, got " .. (t == nil and "nil" or type(t)) .. ")", 2)
    end
    return raw_insert(t, ...)
end
function coroutines.resume(...)
    return caught(raw_resume(...))
end

-- Patterns may go back again and again, in C, where no hook looks. In place, none is begun that may take more than about
-- two million steps: by its weight, how long a text may be at most.
local LONGEST = { [0] = 1000000, 2000, 228, 83, 47, 33, 27 }
local ALWAYS = 32 -- texts up to this length are matched with any pattern
local KNOWN_PATTERNS = 500
local f_find, f_match, f_gmatch, f_gsub = string.find, string.match, string.gmatch, string.gsub
local weights, known = {}, 0

local function is_light(text, pattern)
    local weight = weights[pattern]
    if not weight then
        weight = type(pattern) == "string" and native.weight_of_pattern(pattern)
        if not weight then
            return false
        end
        if known >= KNOWN_PATTERNS then
            weights, known = {}, 0
        end
        weights[pattern], known = weight, known + 1
    end
    return type(text) == "string" and #text <= (LONGEST[weight] or 0)
end

-- How the errors of these functions begin, as a pcall gets them; others come from a script's function that they called.
local THEIR_ERRORS = {
    "bad argument #", "malformed pattern", "unfinished capture", "invalid capture index", "invalid pattern capture",
    "invalid replacement value", "missing '['", "unbalanced pattern", "too many captures", "string slice too long",
}

local function named(problem, name)
    if type(problem) == "string" then
        for _, start in raw_ipairs(THEIR_ERRORS) do
            if f_find(problem, start, 1, true) == 1 then
                return f_gsub(problem, "to '%?'", "to '" .. name .. "'", 1)
            end
        end
    end
    return nil
end

-- A call that is not light, or that may fail: its errors name the function, and the place in the script.
local function careful(name, light, f, ...)
    local text = ...
    if not light and type(text) == "string" and #text > ALWAYS and native.is_too_much() then
        error("the script is given up", 0)
    end
    local function ended(ok, ...)
        if ok then
            return ...
        end
        local problem = ...
        local text = named(problem, name)
        if not text then
            error(problem, 0)
        end
        -- Between this and the script lie two functions that called as their last act.
        error(text, 4)
    end
    return ended(raw_pcall(f, ...))
end

function strings.find(text, pattern, first, plain)
    local light = plain or is_light(text, pattern)
    if light and type(text) == "string" and type(pattern) == "string" and (first == nil or type(first) == "number") then
        return f_find(text, pattern, first, plain)
    end
    return careful("find", light, f_find, text, pattern, first, plain)
end

function strings.match(text, pattern, first)
    local light = is_light(text, pattern)
    if light and (first == nil or type(first) == "number") then
        return f_match(text, pattern, first)
    end
    return careful("match", light, f_match, text, pattern, first)
end

function strings.gmatch(text, pattern)
    local light = is_light(text, pattern)
    if light then
        return f_gmatch(text, pattern)
    end
    return careful("gmatch", light, f_gmatch, text, pattern)
end

function strings.gsub(text, pattern, by, count)
    local light = is_light(text, pattern)
    if light and count == nil and type(by) == "string" and not f_find(by, "%", 1, true) then
        return f_gsub(text, pattern, by)
    end
    return careful("gsub", light, f_gsub, text, pattern, by, count)
end

if strings.gfind then
    strings.gfind = strings.gmatch
end

for name, value in raw_pairs(native.math) do
    maths[name] = value
end
-- Methods of strings are these too, and no script reaches the table itself.
getmetatable("").__index = strings
string_metatable.proxy = protect({ __index = protect(strings) })

local libraries = {
    string = protect(strings), table = protect(tables), math = protect(maths), coroutine = protect(coroutines),
    bit = protect(native.bit), struct = protect(native.struct), cmsgpack = protect(native.cmsgpack),
    cjson = protect(native.new_cjson()),
}

local function new_environment(api)
    local real = copy(base)
    for name, value in raw_pairs(libraries) do
        real[name] = value
    end
    real.redis = protect(api)
    local proxy = protect(real)
    setmetatable(real, { __index = missing })
    shown[proxy] = protect({ __index = missing })
    real._G = proxy
    real.loadstring, real.load = loaders(proxy)
    return proxy, real
end

local script_api = copy(native.redis)
for name, value in raw_pairs(native.redis_scripts) do
    script_api[name] = value
end
local script_proxy, script_globals = new_environment(script_api)
script_globals.__redis__err__handler = function(problem)
    return problem
end

-- A library of functions sees little while it is loaded, and what functions see when they run.
local function_proxy, function_globals = new_environment(native.redis)
local function_metatable = getmetatable(function_proxy)
setmetatable(native.redis_load, { __index = missing })
local load_globals = { redis = protect(native.redis_load) }
setmetatable(load_globals, { __index = missing })

local function handler(problem)
    local source, line = native.place()
    problem = native.unwrap(problem)
    if type(problem) ~= "table" then
        problem = { err = "ERR " .. tostring(problem) }
    end
    if source then
        rawset(problem, "source", source)
        rawset(problem, "line", line)
    end
    return problem
end

local controls = { script_environment = script_proxy, function_environment = function_proxy, string = strings }

-- Compiled scripts, by numbers of the host's.
local chunks = {}

function controls.keep_script(number, chunk)
    chunks[number] = chunk
end

function controls.forget_scripts()
    chunks = {}
end

function controls.run_script(number, keys, arguments)
    rawset(script_globals, "KEYS", keys)
    rawset(script_globals, "ARGV", arguments)
    return raw_xpcall(chunks[number], handler)
end

function controls.run_function(f, keys, arguments)
    return raw_xpcall(function()
        return f(keys, arguments)
    end, handler)
end

function controls.load_library(chunk)
    function_metatable.__index = load_globals
    local ok, problem = raw_xpcall(chunk, handler)
    function_metatable.__index = function_globals
    return ok, problem
end

function controls.syntax_error(text, name)
    local _, problem = raw_loadstring(text, name)
    return problem
end

return controls
