; The installer, for one user. packaging/build_windows.py says what OutFile, VERSION and FROM are.
Target amd64-unicode ; as the programs are: elsewhere Windows itself refuses it
SetCompressor /SOLID lzma
SetCompressorDictSize 64 ; MB: both programs carry the same modules
RequestExecutionLevel user
ManifestDPIAware true
!include MUI2.nsh
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define APPS "Software\Microsoft\Windows\CurrentVersion\Uninstall\mem0tray"
Name "mem0tray"
InstallDir "$LOCALAPPDATA\Programs\mem0tray"
InstallDirRegKey HKCU "${APPS}" "InstallLocation"
!define MUI_ICON "..\..\icons\png\mem0tray.ico"
!define MUI_UNICON "${MUI_ICON}"
!define MUI_FINISHPAGE_RUN "$INSTDIR\mem0trayw.exe"
!define MUI_UNCONFIRMPAGE_TEXT_TOP "$(STAYS)"
!define MUI_COMPONENTSPAGE_NODESC
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "French"
LangString LOGIN ${LANG_ENGLISH} "Start when I sign in"
LangString LOGIN ${LANG_FRENCH} "Démarrer à l’ouverture de session"
LangString STAYS ${LANG_ENGLISH} "Your memories and settings stay: mem0tray’s folder in AppData\Local, and the files in .claude, which other programs use. To remove that folder too, run `mem0tray uninstall --purge` first."
LangString STAYS ${LANG_FRENCH} "Vos souvenirs et réglages restent : le dossier de mem0tray dans AppData\Local, et les fichiers de .claude, que d’autres programmes utilisent. Pour supprimer aussi ce dossier, lancez d’abord `mem0tray uninstall --purge`."

!macro Stop ; $0 is 0 if there was a tray. It ends in order; no kill of the others loses a memory.
  nsExec::Exec "taskkill /IM mem0trayw.exe"
  Pop $0
  ${If} $0 == 0
    Sleep 4000
  ${EndIf}
  nsExec::Exec "taskkill /F /IM mem0trayw.exe /IM mem0tray.exe"
!macroend

Section "mem0tray"
  SectionIn RO
  !insertmacro Stop
  SetOutPath "$INSTDIR"
  RMDir /r "$INSTDIR\_internal"
  File /r "${FROM}\*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\mem0tray.lnk" "$INSTDIR\mem0trayw.exe"
  WriteRegStr HKCU "${APPS}" "DisplayName" "mem0tray"
  WriteRegStr HKCU "${APPS}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${APPS}" "Publisher" "mem0tray"
  WriteRegStr HKCU "${APPS}" "DisplayIcon" "$INSTDIR\mem0tray.exe"
  WriteRegStr HKCU "${APPS}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${APPS}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${APPS}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${APPS}" "NoModify" 1
  nsExec::ExecToLog '"$INSTDIR\mem0tray.exe" path add'
  SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=1000
  ${If} $0 == 0
    Exec '"$INSTDIR\mem0trayw.exe"'
  ${EndIf}
SectionEnd

Section "$(LOGIN)" Login
  WriteRegStr HKCU "${RUN}" "mem0tray" '"$INSTDIR\mem0trayw.exe"'
SectionEnd

Function .onInit ; an update leaves the start at login as it is
  ReadRegStr $0 HKCU "${APPS}" "InstallLocation"
  ReadRegStr $1 HKCU "${RUN}" "mem0tray"
  ${If} $0 != ""
  ${AndIf} $1 == ""
    SectionSetFlags ${Login} 0
  ${EndIf}
FunctionEnd

Section "Uninstall"
  !insertmacro Stop
  nsExec::ExecToLog '"$INSTDIR\mem0tray.exe" uninstall' ; the start at login, hooks of agents
  nsExec::ExecToLog '"$INSTDIR\mem0tray.exe" path remove'
  SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=1000
  Delete "$SMPROGRAMS\mem0tray.lnk"
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\mem0tray*.exe"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  RMDir "$LOCALAPPDATA\Programs" ; if nothing else is in it
  DeleteRegKey HKCU "${APPS}"
SectionEnd
