; An edit and a cutout in GIMP 2.10. `install.py --demo` defines paths, ellipse and prompt before it.
; A procedure's arguments come in the order in which the plug-in registers them.
(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE before before)))
       (photo (car (gimp-image-get-active-layer image)))
       (save (lambda (name)
         (let* ((copy (car (gimp-image-duplicate image)))
                (flat (car (gimp-image-merge-visible-layers copy CLIP-TO-IMAGE))))
           (gimp-file-save RUN-NONINTERACTIVE copy flat name name)
           (gimp-image-delete copy)))))
  (apply gimp-image-select-ellipse image CHANNEL-OP-REPLACE ellipse)
  (gimp-selection-feather image 12)
  (let ((edited (car (python-fu-venice-edit RUN-NONINTERACTIVE image photo
          prompt "" "guide" -1 0 -1 1 "" "" "" TRUE FALSE TRUE TRUE "" "layer" "layer"))))
    (save after)
    (gimp-selection-none image)
    (let ((cut-out (car (python-fu-venice-remove-background RUN-NONINTERACTIVE image photo
          "layer" TRUE "" TRUE))))
      (gimp-item-set-visible edited FALSE)
      (save cutout)
      (gimp-item-set-visible photo TRUE)
      (gimp-item-set-visible edited TRUE)
      (gimp-item-set-visible cut-out FALSE)
      (gimp-file-save RUN-NONINTERACTIVE image photo layers layers)
      (display "demo done"))))
