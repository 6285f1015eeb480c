# Completion of warren for fish. In ~/.config/fish/config.fish:  warren completion fish | source

function __warren_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l lines ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = :files
        set -l option (string match --regex '^--[^=]*=' -- "$current"; or echo '')
        printf '%s\n' $option(__fish_complete_path (string replace -- "$option" '' "$current"))
    else
        printf '%s\n' $lines
    end
end

for name in warren warrenmq
    complete --command $name --no-files --arguments '(__warren_complete)'
end
