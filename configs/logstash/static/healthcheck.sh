# Good means: the pipeline has been read and started.
set -eu
exec 3<>/dev/tcp/127.0.0.1/9600
printf 'GET /_node/pipelines/sbc HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r _ code _ <&3
[[ $code == 200 ]]
