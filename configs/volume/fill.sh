# Makes a volume hold exactly the staged files, with the given owner and modes.
# Arguments: staging folder, volume, owner, mode of files, mode of folders. Runs as root: nobody else may give files away.
set -euo pipefail
staging=$1 volume=$2 owner=$3 file_mode=$4 folder_mode=$5

# No file is staged when there are none.
mkdir -p "$staging"
cd "$staging"
find . -type d -printf '%P\n' | while read -r folder; do
  mkdir -p "$volume/$folder"
  chown "$owner" "$volume/$folder"
  chmod "$folder_mode" "$volume/$folder"
done
# Each file appears at once and whole: a service may be reading the volume.
find . -type f -printf '%P\n' | while read -r file; do
  install -o "${owner%:*}" -g "${owner#*:}" -m "$file_mode" "$file" "$volume/$file.new"
  mv -f "$volume/$file.new" "$volume/$file"
done

cd "$volume"
find . -type f -printf '%P\n' | while read -r file; do
  [[ -e $staging/$file ]] || rm -f "$file"
done
echo "$(find . -type f | wc -l) files"
