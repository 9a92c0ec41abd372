"""The scripts by which shells complete `mem0tray`: they ask the program itself.

They stand apart from the command, so that a shell that evaluates one at its start is fast.
"""

from typing import Final

# It sends the line up to the cursor, as bash cuts words at every ":" and "=".
_BASH: Final = """\
_mem0tray_completion() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_WORDS="${COMP_LINE:0:COMP_POINT}" _MEM0TRAY_COMPLETE=bash_complete \\
        "$1" 2>/dev/null </dev/null)
}
complete -o nosort -F _mem0tray_completion mem0tray 2>/dev/null ||
    complete -F _mem0tray_completion mem0tray
"""

_ZSH: Final = """\
#compdef mem0tray
_mem0tray_completion() {
    local -a plain described answer
    local type key about
    (( $+commands[mem0tray] )) || return 1
    answer=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
        _MEM0TRAY_COMPLETE=zsh_complete mem0tray 2>/dev/null </dev/null)}")
    for type key about in ${answer}; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $about == _ ]]; then
                    plain+=("$key")
                else
                    described+=("$key:$about")
                fi
                ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _mem0tray_completion "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _mem0tray_completion mem0tray
fi
"""

_FISH: Final = """\
function _mem0tray_completion
    set -lx _MEM0TRAY_COMPLETE fish_complete
    set -lx COMP_WORDS (commandline -cp | string collect)
    set -lx COMP_CWORD (commandline -ct | string collect)
    for line in (mem0tray 2>/dev/null </dev/null)
        set -l parts (string split --max 1 , $line)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --command mem0tray --arguments "(_mem0tray_completion)"
"""

SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
